"""Bundles that merely look unusual are all accepted: refusing everything would be no merit."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import pytest

from bundle.manifest import NAME
from bundle.names import INSTALLER
from bundle.opening import SUMS
from bundle.signing.policy import RELEASE_NAMESPACE
from tests.hostile import kit
from tests.hostile.kit import ARCHIVE, KEY, LAST, UNPACKED, archive, sign_as
from tests.keys import ALL_KINDS, SoftKey


def two_signers(draft):
    sign_as(KEY, keep=True)(draft)


def sparse(draft):
    """Give the last file a gigabyte that takes no room; as an archive it would be slow to make."""
    place, size = draft.root / LAST, 1 << 30
    with place.open("r+b") as file:
        file.truncate(size)
    with place.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def grow(value):
        entry = next(entry for entry in value["files"] if entry["path"] == LAST)
        value["totals"]["bytes"] += size - entry["size"]
        entry.update(size=size, sha256=sha256)

    draft.change_manifest(grow)
    for place in (draft.root / NAME, draft.folder / NAME):
        place.write_bytes(draft.manifest)
    draft.sign(digests=draft.digests(b""))


def read_only(draft):
    for folder, _folders, files in os.walk(draft.folder):
        for name in (*files, "."):
            os.chmod(os.path.join(folder, name), 0o555)


def linked_folder(draft):
    (draft.root / "07_Models").rename(draft.folder.parent / "models")
    (draft.root / "07_Models").symlink_to(draft.folder.parent / "models")


def as_link(draft):
    other = draft.folder.with_name("real")
    draft.folder.rename(other)
    draft.folder.symlink_to(other)


def sums_inside(draft):
    for name in (SUMS, draft.signature_file.name, INSTALLER):
        (draft.folder / name).rename(draft.root / name)
    (draft.folder / NAME).unlink()


def clutter(draft):
    (draft.root / "Thumbs.db").write_bytes(b"x")
    (draft.root / "03_Source" / "notes.txt").write_bytes(b"x")
    (draft.folder / "README from the courier.txt").write_bytes(b"x")
    (draft.folder / "System Volume Information").mkdir()


def other_times(draft):
    for folder, folders, files in os.walk(draft.folder):
        for name in (*folders, *files):
            os.utime(os.path.join(folder, name), (0, 0))


def other_modes(draft):
    for folder, _folders, files in os.walk(draft.folder):
        for name in files:
            os.chmod(os.path.join(folder, name), 0o777)


def named_gzip(tar):
    """A gzip stream whose header holds a name, a comment and a time (RFC 1952), as the tool gzip writes it."""
    data = kit.gzip(tar)
    return data[:3] + b"\x18" + b"\x01\x02\x03\x04" + data[8:10] + b"name.tar\0hello\0" + data[10:]


# name, form, what is done to it, what of it is named on the command line
GOOD = [
    ("archive", ARCHIVE, lambda draft: None, lambda draft: draft.folder),
    ("archive-itself", ARCHIVE, lambda draft: None, archive),
    ("unpacked", UNPACKED, lambda draft: None, lambda draft: draft.folder),
    ("unpacked-root", UNPACKED, lambda draft: None, lambda draft: draft.root),
    ("sums-inside-the-root", UNPACKED, sums_inside, lambda draft: draft.root),
    ("two-signers", ARCHIVE, two_signers, lambda draft: draft.folder),
    ("two-signers-unpacked", UNPACKED, two_signers, lambda draft: draft.folder),
    ("sha256-signature", ARCHIVE, lambda draft: draft.signature_file.write_bytes(draft.original.key.sign(
        draft.sums_file.read_bytes(), RELEASE_NAMESPACE, "sha256")), lambda draft: draft.folder),
    ("sparse-gigabyte", UNPACKED, sparse, lambda draft: draft.folder),
    ("read-only-medium", ARCHIVE, read_only, lambda draft: draft.folder),
    ("read-only-folder", UNPACKED, read_only, lambda draft: draft.folder),
    ("linked-folder-inside", UNPACKED, linked_folder, lambda draft: draft.folder),
    ("folder-behind-a-link", UNPACKED, as_link, lambda draft: draft.folder),
    ("archive-behind-a-link", ARCHIVE, as_link, archive),
    ("unrelated-files-beside", UNPACKED, clutter, lambda draft: draft.folder),
    ("other-times-on-disk", UNPACKED, other_times, lambda draft: draft.folder),
    ("other-modes-on-disk", UNPACKED, other_modes, lambda draft: draft.folder),
    ("installer-not-beside", ARCHIVE, lambda draft: (draft.folder / INSTALLER).unlink(), lambda draft: draft.folder),
]  # fmt: skip
EXTRA = {
    "03_Source/질문/데이터 모음/답변.csv": ("source", "질문,답\n".encode()),
    "03_Source/empty.txt": ("source", b""),
    "03_Source/empty-too.txt": ("source", b""),
    f"03_Source/{'a' * 70}/{'b' * 40}/{'c' * 100}": ("source", b"a name that fills a header"),
    "03_Source/emoji 🙂.txt": ("source", b"x"),
    "03_Source/exactly-a-block.bin": ("source", bytes(512)),
    "04_Scripts/run.sh": ("script", b"#!/bin/sh\n"),
    "04_Scripts/run.bat": ("script", b"@echo off\r\n"),
    "05_Documentation/안내.md": ("document", "# 안내\n".encode()),
    "06_Verification/sbom.cdx.json": ("verification", b"{}\n"),
}
UNUSUAL = [("files-of-every-kind", kit.gzip), ("gzip-with-a-name", named_gzip)]


def with_extra(draft):
    """Return a draft of the same bundle with unusual files more."""
    entries = [replace(draft.original.manifest.files[0], path=path, kind=kind, size=len(data),
                       sha256=hashlib.sha256(data).hexdigest()) for path, (kind, data) in EXTRA.items()]  # fmt: skip
    manifest = replace(draft.original.manifest, files=(*draft.original.manifest.files, *entries))
    contents = {**draft.original.contents, **{path: data for path, (_kind, data) in EXTRA.items()}}
    return kit.Original(manifest, contents, draft.original.key).draft(draft.folder)


@pytest.mark.parametrize(("form", "change", "named"), [case[1:] for case in GOOD], ids=[case[0] for case in GOOD])
def test_a_bundle_that_only_looks_unusual_is_accepted(host, draft, capsys, form, change, named) -> None:
    draft.write(form)
    change(draft)
    ended = host.run(capsys, "verify", named(draft))
    assert ended.code == 0, ended.text
    assert "files match their signed digests" in ended.text


@pytest.mark.parametrize("form", [ARCHIVE, UNPACKED])
@pytest.mark.parametrize("wrap", [case[1] for case in UNUSUAL], ids=[case[0] for case in UNUSUAL])
def test_files_that_only_look_unusual_are_accepted(host, draft, capsys, form, wrap) -> None:
    unusual = with_extra(draft)
    unusual.wrap = wrap
    unusual.write(form)
    ended = host.run(capsys, "verify", unusual.folder)
    assert ended.code == 0, ended.text


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_of_key_is_accepted(host, draft, capsys, kind) -> None:
    key = SoftKey(kind)
    draft.write(ARCHIVE)
    sign_as(key)(draft)
    ended = kit.Host(host.root, host.prefix, key.key.line()).run(capsys, "verify", draft.folder)
    assert ended.code == 0, ended.text


@pytest.mark.parametrize("form", [ARCHIVE, UNPACKED])
def test_the_good_bundle_installs(host, draft, capsys, tmp_path, form) -> None:
    with_extra(draft).write(form)
    ended = host.run(capsys, "install", draft.folder, "--prefix", tmp_path / "prefix")
    assert ended.code == 0, ended.text
    app = tmp_path / "prefix" / "current" / "app"
    assert (app / "질문" / "데이터 모음" / "답변.csv").read_text() == "질문,답\n"
    assert (app / "empty.txt").read_bytes() == b""
