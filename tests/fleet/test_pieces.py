"""An archive is put together from ranges and from what the host has; every byte of it is the builder's."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random

import pytest

from builder.assemble.assemble import Contents, write_archive
from builder.members import member
from shared.terminal.progress import NoProgress
from tests.fleet.control import COLLECTION
from tests.tiny import tiny_bundle

BIG = 300_000


def load(name):
    """Return a module of the collection, as Ansible's path does not lead to it here."""
    path = COLLECTION / "plugins" / "module_utils" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"collection_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pieces = load("pieces")


class Site:
    """A bundle's archive at its source, and a host's folder for it."""

    def __init__(self, tmp_path):
        noise = random.Random(1)
        tiny = tiny_bundle(
            tmp_path,
            packages={
                name: ("1.0", {f"{name}.bin": "".join(f"{noise.getrandbits(64):x}" for _ in range(BIG // 16))})
                for name in ("first", "second")
            },
        )
        self.archive = tiny.archive.read_bytes()
        self.path = tiny.archive
        manifest = json.loads((tiny.folder / "MANIFEST.json").read_text())
        self.members = {one["path"]: (one["size"], one["sha256"]) for one in manifest["files"]}
        self.found = pieces.find_pieces(str(tiny.archive), self.members)
        self.entry = {
            "name": "archive",
            "size": len(self.archive),
            "sha256": hashlib.sha256(self.archive).hexdigest(),
        }
        self.store, self.inbox = tmp_path / "store", tmp_path / "inbox"
        self.store.mkdir()
        self.inbox.mkdir()
        for at, _size, sha256, blocks in self.found:
            self.put(sha256, self.data_at(at, blocks))

    def data_at(self, at, blocks):
        """Return the bytes of a stored file, read past the headers of its blocks."""
        found = b""
        for count, length in blocks:
            for _number in range(count):
                found += self.archive[at + 5 : at + 5 + length]
                at += 5 + length
        return found

    def put(self, sha256, data):
        (self.store / sha256).write_bytes(data)

    def partial(self, *, without=()):
        def here(piece):
            return piece[2] not in without and (self.store / piece[2]).exists()

        return pieces.Partial(str(self.inbox), self.entry, self.found, here)

    def take(self, partial):
        """Transfer what is missing; return how many bytes that were."""
        ranges = partial.missing()
        with partial.opened() as file:
            partial.fill(file, lambda sha256: str(self.store / sha256))
            for at, length in ranges:
                assert at == file.tell()
                file.write(self.archive[at : at + length])
                partial.fill(file, lambda sha256: str(self.store / sha256))
        return sum(length for _at, length in ranges)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_large_stored_files_are_found_with_their_own_bytes(site):
    assert len(site.found) == 2
    for at, size, sha256, blocks in site.found:
        data = site.data_at(at, blocks)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256)


def test_what_the_host_has_is_not_transferred(site):
    partial = site.partial()
    sent = site.take(partial)
    assert sent < len(site.archive) - sum(size for _at, size, _sha256, _blocks in site.found)
    partial.finish()
    assert (site.inbox / "archive").read_bytes() == site.archive
    assert site.partial().done


def test_a_host_with_an_empty_store_gets_every_byte_once(site):
    partial = site.partial(without={sha256 for _at, _size, sha256, _blocks in site.found})
    assert site.take(partial) == len(site.archive)
    partial.finish()
    assert site.partial().done


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("stored", [True, False])
def test_a_transfer_that_was_cut_off_goes_on(site, share, stored):
    without = () if stored else {sha256 for _at, _size, sha256, _blocks in site.found}
    cut = int(len(site.archive) * share)
    (site.inbox / "archive.partial").write_bytes(site.archive[:cut])
    partial = site.partial(without=without)
    assert partial.have <= cut
    sent = site.take(partial)
    if not stored:
        assert sent == len(site.archive) - cut
    partial.finish()
    assert site.partial().done


def test_a_damaged_file_of_the_store_is_named_and_nothing_of_it_stays(site):
    sha256 = site.found[0][2]
    site.put(sha256, bytes(site.found[0][1]))
    partial = site.partial()
    with pytest.raises(pieces.ReplacedError, match=sha256):
        site.take(partial)
    again = site.partial(without={sha256})
    site.take(again)
    again.finish()
    assert site.partial().done


def test_a_file_that_does_not_match_its_digest_gets_no_name(site):
    partial = site.partial()
    site.take(partial)
    with (site.inbox / "archive.partial").open("r+b") as file:
        file.write(b"\0")
    with pytest.raises(pieces.ReplacedError, match="archive"):
        partial.finish()
    assert list(site.inbox.iterdir()) == []


def test_headers_that_lie_in_a_file_by_chance_lead_nowhere(site, tmp_path):
    inner = site.archive[:4096]
    members = [member("05_Documentation/a.bin", "document", inner)]
    tiny = tiny_bundle(tmp_path / "other")
    write_archive(tmp_path / "x.tar.gz", Contents(tiny.manifest, b"{}", members), NoProgress())
    assert pieces.find_pieces(str(tmp_path / "x.tar.gz"), site.members) == []
