from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import tarfile
import threading
from dataclasses import replace

import pytest

from builder.assemble.assemble import Contents, write_archive
from builder.members import BLOCK, STORED_LIMIT, Member, member
from bundle.manifest import FileEntry
from shared.errors import BuildError
from shared.terminal.progress import NoProgress
from tests.bundles import make_manifest

WHEELS = "02_Dependencies/wheels"
TEXT = b"words that are deflated well, " * 100


def contents(tmp_path, sizes):
    """Return members by turns stored and deflated, the stored ones of these sizes in bytes."""
    found = []
    for number, size in enumerate(sizes):
        path = tmp_path / f"{number}.whl"
        path.write_bytes(os.urandom(size))
        found += [
            member(f"{WHEELS}/a{number}-1-py3-none-any.whl", "wheel", path),
            member(f"{WHEELS}/a{number}.txt", "lock", TEXT),
        ]
    return found


def pack(tmp_path, members):
    manifest = replace(make_manifest(), files=tuple(item.entry for item in members))
    path = tmp_path / "a.tar.gz"
    return path, write_archive(path, Contents(manifest, b"{}\n", members), NoProgress())[path.name]


def test_stored_and_deflated_parts_are_one_stream_that_any_tar_reads(tmp_path):
    members = contents(tmp_path, [0, 1, STORED_LIMIT - 512, STORED_LIMIT, BLOCK + 1, 3 * BLOCK])
    path, digest = pack(tmp_path, members)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    with tarfile.open(path, "r:gz") as archive:
        read = {info.name.partition("/")[2]: archive.extractfile(info).read() for info in archive}
    assert read == {"MANIFEST.json": b"{}\n", **{item.entry.path: b"".join(item.blocks()) for item in members}}
    assert subprocess.run(["gzip", "--test", path], check=False).returncode == 0


def test_what_is_compressed_already_grows_by_less_than_a_hundredth(tmp_path):
    members = [item for item in contents(tmp_path, [5 << 20]) if item.entry.kind == "wheel"]
    path, _digest = pack(tmp_path, members)
    assert path.stat().st_size < (5 << 20) * 1.001
    assert len(gzip.compress(b"".join(members[0].blocks()), 9)) * 1.01 > path.stat().st_size


def test_a_file_that_changed_ends_the_build_and_its_threads(tmp_path):
    (tmp_path / "a").write_bytes(b"other")
    entry = FileEntry(f"{WHEELS}/a-1-py3-none-any.whl", 5, hashlib.sha256(b"these").hexdigest(), "wheel")
    before = threading.active_count()
    with pytest.raises(BuildError, match="changed while it was being packed"):
        pack(tmp_path, [Member(entry, tmp_path / "a")])
    assert threading.active_count() == before
