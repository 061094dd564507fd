"""Archives that a signer vouched for and that are hostile all the same: each is refused, for its reason."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib

import pytest

from bundle.manifest import NAME
from bundle.reading.archive import END
from tests.hostile.kit import ARCHIVE, Draft, Part, gzip

FIRST, APP, WEIGHTS = "02_Dependencies/pylock.toml", "03_Source/app.py", "07_Models/tiny/weights.json"
PLACE = "is not at its expected position"
SIGNED = "its SHA-256 does not match the signed one"
EARLY, FOLLOWS, HIDDEN, MORE = (
    "it is truncated",
    "it has trailing data",
    "hidden data after",
    "data after the last file",
)
NOT_GZIP = "not a gzip stream"


def poke(offset, value, path=APP, **options):
    return lambda draft: draft.part(path).poke(offset, value, **options)


def insert(index, *parts):
    def change(draft):
        draft.parts[index:index] = [make(draft) for make in parts]

    return change


def member(path, data=b"evil\n", **fields):
    """Return what makes a member of any kind, as tarfile writes it."""

    def make(draft):
        info = tarfile.TarInfo(f"{draft.original.manifest.root}/{path}" if not path.startswith("/") else path)
        info.size, info.mtime = len(data), draft.original.manifest.created_epoch
        for name, value in fields.items():
            setattr(info, name, value)
        header = info.tobuf(tarfile.GNU_FORMAT if info.type in b"LKS" else tarfile.USTAR_FORMAT)
        return Part(path, header, data)

    return make


def pax(text):
    return lambda draft: Part("pax", tarfile.TarInfo.create_pax_global_header({"path": text}), b"")


def replace(path, data):
    return lambda draft: setattr(draft.part(path), "data", data)


def move(path, index):
    def change(draft):
        part = draft.part(path)
        draft.parts.remove(part)
        draft.parts.insert(index, part)

    return change


def drop(path):
    return lambda draft: draft.parts.remove(draft.part(path))


def twice(path):
    return lambda draft: draft.parts.insert(draft.parts.index(draft.part(path)), draft.part(path))


def tail(data):
    return lambda draft: setattr(draft, "tail", data)


def wrap(function):
    return lambda draft: setattr(draft, "wrap", function)


def bomb(tar):
    """128 MB of zeros behind the end, in 128 kB."""
    deflate = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join([deflate.compress(tar), *(deflate.compress(bytes(1 << 20)) for _ in range(128)), deflate.flush()])


def zipped(tar):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive.tar", tar)
    return out.getvalue()


def flipped(tar, index=-1):
    data = bytearray(gzip(tar))
    data[index] ^= 1
    return bytes(data)


KINDS = [
    (f"type-{name}", poke(156, flag), PLACE)
    for name, flag in {
        "hard-link": b"1", "symlink": b"2", "character-device": b"3", "block-device": b"4", "folder": b"5",
        "pipe": b"6", "contiguous": b"7", "old-regular": b"\0", "pax": b"x", "pax-global": b"g",
        "gnu-long-name": b"L", "gnu-long-link": b"K", "gnu-sparse": b"S", "gnu-volume": b"V", "unknown": b"Z",
    }.items()
]  # fmt: skip
HEADERS = [
    ("mode-777", poke(100, b"0000777\0"), PLACE),
    ("mode-setuid", poke(100, b"0004755\0"), PLACE),
    ("mode-executable-source", poke(100, b"0000755\0"), PLACE),
    ("mode-of-another-form", poke(100, b"   644 \0"), PLACE),
    ("owner", poke(108, b"0001750\0"), PLACE),
    ("group", poke(116, b"0001750\0"), PLACE),
    ("size-larger", poke(124, b"00000077777\0"), PLACE),
    ("size-smaller", poke(124, b"00000000001\0"), PLACE),
    ("size-without-end", poke(124, b"777777777777"), PLACE),
    ("size-base-256", poke(124, b"\x80" + bytes(10) + b"\x01"), PLACE),
    ("size-negative", poke(124, b"\xff" * 12), PLACE),
    ("size-not-octal", poke(124, b"0000000009x\0"), PLACE),
    ("another-time", poke(136, b"00000000000\0"), PLACE),
    ("checksum-wrong", poke(148, b"000000\0 ", checksum=False), PLACE),
    ("checksum-signed-form", poke(148, b" 12345\0 ", checksum=False), PLACE),
    ("link-name", poke(157, b"/etc/passwd"), PLACE),
    ("magic-gnu", poke(257, b"ustar  \0"), PLACE),
    ("magic-none", poke(257, bytes(8)), PLACE),
    ("version-other", poke(263, b"01"), PLACE),
    ("user-name", poke(265, b"root"), PLACE),
    ("group-name", poke(297, b"root"), PLACE),
    ("device-number", poke(329, b"0000001\0"), PLACE),
    ("prefix-field", poke(345, b"../../evil"), PLACE),
    ("rest-of-header", poke(500, b"hidden"), PLACE),
    ("name-dotdot", poke(0, b"../../../../evil".ljust(60, b"\0")), PLACE),
    ("name-absolute", poke(0, b"/etc/cron.d/evil".ljust(60, b"\0")), PLACE),
    ("name-backslash", poke(0, b"..\\..\\evil".ljust(60, b"\0")), PLACE),
    ("name-drive", poke(0, b"C:evil".ljust(60, b"\0")), PLACE),
    ("name-after-a-nul", poke(60, b"evil"), PLACE),
    ("name-another-case", poke(0, b"TINY-app"), PLACE),
    ("header-of-manifest", poke(100, b"0000755\0", NAME), PLACE),
    ("header-of-zeros", lambda draft: setattr(draft.part(APP), "header", bytes(512)), PLACE),
]
MEMBERS = [
    ("manifest-missing", drop(NAME), PLACE),
    ("manifest-not-first", move(NAME, 1), PLACE),
    ("manifest-twice", twice(NAME), PLACE),
    ("manifest-other-bytes", lambda draft: replace(NAME, draft.manifest.replace(b"1.0.0", b"9.9.9"))(draft), SIGNED),
    ("member-missing", drop(APP), PLACE),
    ("last-member-missing", drop(WEIGHTS), PLACE),
    ("members-exchanged", move(APP, 1), PLACE),
    ("member-twice", twice(APP), PLACE),
    ("last-member-twice", lambda draft: draft.parts.append(draft.part(WEIGHTS)), MORE),
    ("extra-first", insert(0, member("evil.py")), PLACE),
    ("extra-between", insert(3, member("evil.py")), PLACE),
    ("extra-last", insert(99, member("evil.py")), MORE),
    ("extra-absolute", insert(99, member("/evil")), MORE),
    ("extra-escaping", insert(99, member("../../../../../evil")), MORE),
    ("extra-folder", insert(1, member("03_Source", b"", type=tarfile.DIRTYPE)), PLACE),
    ("extra-symlink", insert(1, member("03_Source", b"", type=tarfile.SYMTYPE, linkname="/")), PLACE),
    ("extra-hard-link", insert(99, member("x", b"", type=tarfile.LNKTYPE, linkname="../../../prefix/.env")), MORE),
    ("extra-device", insert(99, member("x", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5)), MORE),
    ("extra-pipe", insert(1, member("x", b"", type=tarfile.FIFOTYPE)), PLACE),
    ("pax-global-header", insert(0, pax("/evil")), PLACE),
    ("pax-header-before-a-file", insert(2, pax("../evil")), PLACE),
    ("gnu-long-name", insert(2, member("x", b"../evil\0", type=tarfile.GNUTYPE_LONGNAME)), PLACE),
    ("zero-block-between", insert(2, lambda draft: Part("", bytes(512), b"")), PLACE),
    ("end-between", insert(2, lambda draft: Part("", END, b"")), PLACE),
    ("content-left-out", replace(APP, b""), SIGNED),
]
CONTENTS = [
    (f"altered-{path}", lambda draft, path=path: replace(path, b"X" + draft.contents[path][1:])(draft), SIGNED)
    for path in (FIRST, APP, WEIGHTS, "04_Scripts/ragtrace-install.pyz", "03_Source/data/questions.csv")
]
ENDS = [
    ("padding-not-zero", lambda draft: setattr(draft.part(APP), "pad", b"X" * len(draft.part(APP).pad)), HIDDEN),
    ("padding-of-manifest", lambda draft: setattr(draft.part(NAME), "pad", b"X" * len(draft.part(NAME).pad)), HIDDEN),
    ("no-end", tail(b""), EARLY),
    ("half-an-end", tail(bytes(512)), EARLY),
    ("end-not-zero", tail(bytes(1023) + b"X"), MORE),
    ("one-zero-block-more", tail(bytes(1536)), FOLLOWS),
    ("twenty-zero-blocks", tail(bytes(10240)), FOLLOWS),
    ("a-byte-behind-the-end", tail(END + b"X"), FOLLOWS),
    ("an-archive-behind-the-end", lambda draft: tail(END + draft.parts[0].header + END)(draft), FOLLOWS),
]  # fmt: skip
STREAMS = [
    ("empty", wrap(lambda tar: b""), EARLY),
    ("not-compressed", wrap(lambda tar: tar), NOT_GZIP),
    ("bzip2", wrap(bz2.compress), NOT_GZIP),
    ("xz", wrap(lzma.compress), NOT_GZIP),
    ("zip", wrap(zipped), NOT_GZIP),
    ("zlib", wrap(zlib.compress), NOT_GZIP),
    ("cut-in-the-header", wrap(lambda tar: gzip(tar)[:5]), EARLY),
    ("cut-in-the-middle", wrap(lambda tar: gzip(tar)[:900]), EARLY),
    ("without-checksum", wrap(lambda tar: gzip(tar)[:-8]), EARLY),
    ("without-length", wrap(lambda tar: gzip(tar)[:-4]), EARLY),
    ("wrong-length", wrap(flipped), NOT_GZIP),
    ("wrong-checksum", wrap(lambda tar: flipped(tar, -8)), NOT_GZIP),
    ("reserved-flag", wrap(lambda tar: gzip(tar)[:3] + b"\xe0" + gzip(tar)[4:]), NOT_GZIP),
    ("unknown-method", wrap(lambda tar: gzip(tar)[:2] + b"\x07" + gzip(tar)[3:]), NOT_GZIP),
    ("invalid-block", wrap(lambda tar: gzip(tar)[:10] + b"\x07" + gzip(tar)[11:]), NOT_GZIP),
    ("a-byte-behind-the-stream", wrap(lambda tar: gzip(tar) + b"X"), FOLLOWS),
    ("zeros-behind-the-stream", wrap(lambda tar: gzip(tar) + bytes(4096)), FOLLOWS),
    ("a-second-stream", wrap(lambda tar: gzip(tar) + gzip(b"evil")), FOLLOWS),
    ("an-empty-second-stream", wrap(lambda tar: gzip(tar) + gzip(b"")), FOLLOWS),
    ("two-streams", wrap(lambda tar: gzip(tar[:2048]) + gzip(tar[2048:])), EARLY),
    ("a-bomb-behind-the-end", wrap(bomb), FOLLOWS),
]
CASES = [*KINDS, *HEADERS, *MEMBERS, *CONTENTS, *ENDS, *STREAMS]


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_hostile_archive_is_refused(host, draft: Draft, capsys, change, reason) -> None:
    change(draft)
    draft.write(ARCHIVE)
    host.refuses(capsys, draft.folder, reason)


def test_the_list_is_long_enough() -> None:
    assert len(CASES) >= 100
    assert len({name for name, _change, _reason in CASES}) == len(CASES)
