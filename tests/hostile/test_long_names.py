"""Long names in an archive: the one pax record that is expected is accepted, and every other one refused."""

from __future__ import annotations

import tarfile
from dataclasses import replace

import pytest

from bundle.digest import sha256_bytes
from bundle.manifest import FileEntry
from tests.hostile.kit import ARCHIVE, UNPACKED, Draft, Original, Part
from tests.hostile.test_archives import APP, PLACE, insert, member

LONG = f"03_Source/{'deep/' * 30}{'n' * 120}.txt"
NUMBER = 4  # of the long file among the parts


@pytest.fixture
def long(draft: Draft) -> Draft:
    """The draft of a bundle with one file more, whose path fits no ustar header."""
    manifest, data = draft.original.manifest, b"far away\n"
    entry = FileEntry(LONG, len(data), sha256_bytes(data), "source")
    contents = {**draft.original.contents, LONG: data}
    manifest = replace(
        manifest,
        files=tuple(sorted((*manifest.files, entry), key=lambda one: one.path)),
        installed_bytes=manifest.installed_bytes + len(data),
        installed_files=manifest.installed_files + 1,
    )
    ordered = {one.path: contents[one.path] for one in manifest.files}
    return Original(manifest, ordered, draft.original.key).draft(draft.folder)


def record(*pairs: str, kind: bytes = b"x", name: bytes = b"././@PaxHeader"):
    """Return what makes a header of this kind with the records given, each with its length."""

    def make(draft: Draft) -> Part:
        data = "".join(pairs).encode()
        info = tarfile.TarInfo(name.decode())
        info.size, info.type, info.mtime = len(data), kind, draft.original.manifest.created_epoch
        return Part("pax", info.tobuf(tarfile.USTAR_FORMAT), data)

    return make


def pair(keyword: str, value: str, more: int = 0) -> str:
    """Return a pax record; ``more`` is added to its length."""
    text = f" {keyword}={value}\n"
    size = len(text.encode())
    return f"{size + len(str(size + 3)) + more}{text}"


def path_of(draft: Draft, path: str = LONG) -> str:
    return f"{draft.original.manifest.root}/{path}"


def edit(old: str, new: str):
    """Return what changes the bytes of the long file's own record."""

    def change(draft: Draft) -> None:
        part = draft.part(LONG)
        assert old.encode() in part.header
        part.header = part.header.replace(old.encode(), new.encode(), 1)

    return change


def instead(make):
    """Return what puts other parts in the place of the long file's record."""

    def change(draft: Draft) -> None:
        part = draft.part(LONG)
        part.header = part.header[-512:]
        at = draft.parts.index(part)
        draft.parts[at:at] = make(draft)

    return change


def before(path: str, *make):
    def change(draft: Draft) -> None:
        at = draft.parts.index(draft.part(path))
        insert(at, *(lambda draft, one=one: record(*one(draft))(draft) for one in make))(draft)

    return change


def right(draft: Draft) -> list[str]:
    return [pair("path", path_of(draft))]


CASES = {
    "where-none-is-needed": before(APP, lambda draft: [pair("path", path_of(draft, APP))]),
    "where-none-is-needed-of-another-file": before(APP, lambda draft: [pair("path", path_of(draft, "03_Source/x"))]),
    "twice": before(LONG, right),
    "two-paths-in-one": instead(lambda draft: [record(*right(draft), *right(draft))(draft)]),
    "missing": instead(lambda draft: []),
    "of-another-path": edit("deep/deep", "deep/deeq"),
    "of-another-folder": edit("/03_Source/", "/04_Source/"),
    "that-leaves-the-folder": instead(lambda draft: [record(pair("path", "../" * 20 + "evil"))(draft)]),
    "length-too-small": edit(" path=", "\x00path="),
    "length-one-more": instead(lambda draft: [record(pair("path", path_of(draft), more=1))(draft)]),
    "length-one-less": instead(lambda draft: [record(pair("path", path_of(draft), more=-1))(draft)]),
    "length-with-a-zero": instead(lambda draft: [record("0" + right(draft)[0])(draft)]),
    "size-of-the-file-as-well": instead(lambda draft: [record(*right(draft), pair("size", "1"))(draft)]),
    "time-as-well": instead(lambda draft: [record(pair("mtime", "1.5"), *right(draft))(draft)]),
    "comment-as-well": instead(lambda draft: [record(*right(draft), pair("comment", "hidden"))(draft)]),
    "link-instead": instead(lambda draft: [record(pair("linkpath", path_of(draft)))(draft)]),
    "sparse-name": instead(lambda draft: [record(pair("GNU.sparse.name", path_of(draft)))(draft)]),
    "global": instead(lambda draft: [record(*right(draft), kind=b"g")(draft)]),
    "of-solaris": instead(lambda draft: [record(*right(draft), kind=b"X")(draft)]),
    "under-another-name": instead(lambda draft: [record(*right(draft), name=b"PaxHeaders/x")(draft)]),
    "of-gnu": instead(
        lambda draft: [
            member("x", f"{path_of(draft)}\0".encode(), type=tarfile.GNUTYPE_LONGNAME)(draft),
        ]
    ),
    "with-hidden-padding": lambda draft: setattr(
        draft.part(LONG), "header", draft.part(LONG).header[:-513] + b"X" + draft.part(LONG).header[-512:]
    ),
    "before-a-link": lambda draft: draft.part(LONG).poke(len(draft.part(LONG).header) - 512 + 156, b"2"),
    "before-another-short-name": lambda draft: draft.part(LONG).poke(len(draft.part(LONG).header) - 512, b"X"),
}


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_a_pax_record_that_is_not_the_expected_one_is_refused(host, long: Draft, capsys, change) -> None:
    change(long)
    long.write(ARCHIVE)
    host.refuses(capsys, long.folder, PLACE)


@pytest.mark.parametrize("form", [ARCHIVE, UNPACKED])
def test_the_expected_record_is_accepted(host, long: Draft, capsys, form) -> None:
    assert long.part(LONG).header.count(b" path=") == 1
    long.write(form)
    assert host.run(capsys, "verify", long.folder).code == 0


def test_the_file_is_installed_under_its_long_name(host, long: Draft, capsys, tmp_path) -> None:
    long.write(ARCHIVE)
    ended = host.run(capsys, "install", long.folder, "--prefix", tmp_path / "prefix")
    assert ended.code == 0, ended.text
    (installed,) = (tmp_path / "prefix").glob(f"releases/*/app/{LONG.removeprefix('03_Source/')}")
    assert installed.read_bytes() == b"far away\n"
