"""Wheels that a signer vouched for and that would mislead an installer: refused, most before uv sees them."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import replace

import pytest

from bundle.digest import sha256_bytes
from bundle.manifest import DEPENDENCIES
from tests.hostile.kit import ARCHIVE, Draft, Original
from tests.tiny import WHEEL_FILES
from tests.wheels import pylock

WHEEL = f"{DEPENDENCIES}/wheels/tiny_unused-0.1.0-py3-none-any.whl"
LOCK = f"{DEPENDENCIES}/pylock.toml"
INFO = "tiny_unused-0.1.0.dist-info"
RECORD = f"{INFO}/RECORD"
GOOD = {
    "tiny_unused.py": b"ANSWER = 42\n",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: tiny-unused\nVersion: 0.1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def pack(members, method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for info, data in members:
            member = zipfile.ZipInfo(info) if isinstance(info, str) else info
            member.compress_type = method
            archive.writestr(member, data)
    return out.getvalue()


def wheel(extra=(), record=lambda text: text, drop=(), **options) -> bytes:
    """Return a wheel with more members, all in its RECORD unless ``record`` changes that."""
    members = [(path, data) for path, data in GOOD.items() if path not in drop] + list(extra)
    named = [(info if isinstance(info, str) else info.filename, data) for info, data in members]
    text = "".join(line(path, data) for path, data in named) + f"{RECORD},,\n"
    return pack([*members, (RECORD, record(text).encode())], **options)


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def nul(data: bytes) -> bytes:
    return data.replace(b"tiny_evil.pyXevil", b"tiny_evil.py\0evil")


def entry_points(text: str) -> bytes:
    return wheel([(f"{INFO}/entry_points.txt", text.encode())])


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return wheel([("tiny_unused.py", b"ANSWER = 43\n")])


def liar(name: bytes = b"tiny_unused.py") -> bytes:
    """Let the local header of a file give it another name than the central directory."""
    data = wheel()
    return data.replace(name, b"../../evil.py"[: len(name)].ljust(len(name), b"y"), 1)


def encrypted() -> bytes:
    data = bytearray(wheel())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def longer_than_it_is() -> bytes:
    """Let the last entry of the directory say that an extra field and a comment follow it."""
    data = bytearray(wheel())
    at = data.rindex(b"PK\x01\x02")
    data[at + 30 : at + 34] = b"\xff" * 4
    return bytes(data)


def large() -> bytes:
    """Let a local header say that its file's size is in an extra field, which is not there."""
    data = bytearray(wheel())
    data[22:26] = b"\xff" * 4
    return bytes(data)


# name, the wheel's bytes, why it is refused, whether uv may see it first
CASES = [
    ("escapes", wheel([("../../../../evil.py", b"x")]), "is an unsafe path", False),
    ("escapes-inside", wheel([("tiny/../../evil.py", b"x")]), "is an unsafe path", False),
    ("absolute", wheel([("/evil.py", b"x")]), "is an unsafe path", False),
    ("drive", wheel([("C:/evil.py", b"x")]), "is an unsafe path", False),
    ("backslash", wheel([("..\\evil.py", b"x")]), "is an unsafe path", False),
    ("nul", nul(wheel([("tiny_evil.pyXevil", b"x")])), "is an unsafe path", False),
    ("control", wheel([("tiny\x1b[2J.py", b"x")]), "is an unsafe path", False),
    ("empty-part", wheel([("tiny//evil.py", b"x")]), "is an unsafe path", False),
    ("deep", wheel([("tiny/" + "d/" * 1500 + "x.py", b"x")]), "in more than 63 folders", False),
    ("deep-folders-alone", wheel([("d/" * 1500, b"")], lambda text: text.replace("d/" * 1500, "x")),
     "in more than 63 folders", False),
    ("long-name", wheel([("n" * 300 + ".py", b"x")]), "longer than 1024 bytes", False),
    ("twice", twice(), "duplicate file name", False),
    ("another-case", wheel([("TINY_unused.py", b"x")]), "collide on some hosts", False),
    ("file-and-folder", wheel([("tiny_unused.py/x.py", b"x")]), "collide on some hosts", False),
    ("symlink", wheel([(special("tiny.py", 0o120777), b"/etc/passwd")]), "a link or a device", False),
    ("device", wheel([(special("tiny.py", 0o020666), b"")]), "a link or a device", False),
    ("interpreter-as-script", wheel([("tiny_unused-0.1.0.data/scripts/python3", b"#!python\n")]),
     "replace the interpreter", False),
    ("interpreter-as-data", wheel([("tiny_unused-0.1.0.data/data/bin/python", b"x")]),
     "replace the interpreter", False),
    ("pyvenv-cfg", wheel([("tiny_unused-0.1.0.data/data/pyvenv.cfg", b"home = /tmp\n")]),
     "replace the interpreter", False),
    ("no-record", pack(list(GOOD.items())), "must contain exactly one RECORD", False),
    ("two-records", wheel([("other-1.dist-info/RECORD", b"")]), "must contain exactly one RECORD", False),
    ("no-members", pack([]), "contains no files", False),
    ("not-a-zip", b"hello" * 100, "not a readable wheel", False),
    ("cut", wheel()[:-30], "not a readable wheel", False),
    ("script-escapes", entry_points("[console_scripts]\n../../evil = tiny_unused:main\n"), "entry point '", False),
    ("script-absolute", entry_points("[console_scripts]\n/tmp/evil = tiny_unused:main\n"), "entry point '", False),
    ("script-named-python", entry_points("[console_scripts]\npython = tiny_unused:main\n"), "entry point '", False),
    ("gui-script-escapes", entry_points("[gui_scripts]\n.. = tiny_unused:main\n"), "entry point '", False),
    ("entry-points-garbage", entry_points("no section\n"), "cannot read the entry points", False),
    ("entry-points-huge", entry_points("#" * (2 << 20)), "too large", False),
    ("unrecorded-module", wheel([("evil.py", b"x")], lambda text: "".join(
        row for row in text.splitlines(True) if not row.startswith("evil"))), "is not listed in RECORD", False),
    ("unrecorded-bytecode", wheel([("__pycache__/tiny_unused.cpython-311.pyc", b"x")], lambda text: "".join(
        row for row in text.splitlines(True) if "pycache" not in row)), "is not listed in RECORD", False),
    ("recorded-but-missing", wheel(record=lambda text: line("gone.py", b"x") + text), "in RECORD but missing", False),
    ("recorded-device", wheel(record=lambda text: line("/dev/zero", b"x") + text), "in RECORD but missing", False),
    ("recorded-outside", wheel(record=lambda text: line("../../../../../etc/passwd", b"x") + text),
     "in RECORD but missing", False),
    ("recorded-twice", wheel(record=lambda text: line("tiny_unused.py", b"x") + text), "duplicate entry in RECORD",
     False),
    ("no-digest", wheel(record=lambda text: "tiny_unused.py,,\n" + text.split("\n", 1)[1]), "has no SHA-256", False),
    ("weak-digest", wheel(record=lambda text: "tiny_unused.py,md5=1B2M,12\n" + text.split("\n", 1)[1]),
     "has no SHA-256", False),
    ("record-not-utf-8", pack([*GOOD.items(), (RECORD, b"\xff\xfe,,\n")]), "not a readable wheel", False),
    ("bzip2", wheel(method=zipfile.ZIP_BZIP2), "unsupported method", False),
    ("lzma", wheel(method=zipfile.ZIP_LZMA), "unsupported method", False),
    ("encrypted", encrypted(), "unsupported method", False),
    ("wrong-digest", wheel(record=lambda text: line("tiny_unused.py", b"another") + text.split("\n", 1)[1]),
     "does not match RECORD", True),
    ("no-metadata", wheel([("x.py", b"x")], drop=[f"{INFO}/METADATA"]), "has no METADATA", False),
    ("entry-longer-than-the-directory", longer_than_it_is(), "central directory has the wrong length", False),
    ("size-in-no-extra-field", large(), "does not match the central directory", False),
    ("kind-of-data-unknown", wheel([("tiny_unused-0.1.0.data/evil/x.py", b"x")]), "not a readable wheel", False),
    ("script-of-another-package", entry_points("[console_scripts]\ntiny-version = tiny_unused:main\n"),
     "and so does", False),
    ("local-name-differs", liar(), "does not match the central directory", False),
    ("another-packages-module", wheel([("tiny_math/text.py", b"def length(text):\n    return 0\n")]),
     "and so does", False),
]  # fmt: skip


def with_wheel(original: Original, data: bytes) -> Original:
    """Return the bundle with another wheel in it, everything else of it made right again."""
    contents = {**original.contents, WHEEL: data}
    wheels = {path: content for path, content in contents.items() if path.endswith(".whl")}
    contents[LOCK] = pylock(wheels)
    files = tuple(
        replace(entry, size=len(contents[entry.path]), sha256=sha256_bytes(contents[entry.path]))
        for entry in original.manifest.files
    )
    manifest = replace(original.manifest, files=files, lock_sha256=sha256_bytes(contents[LOCK]))
    return Original(manifest, contents, original.key)


@pytest.mark.parametrize(
    ("data", "reason", "reaches_uv"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_hostile_wheel_is_refused(host, draft: Draft, capsys, monkeypatch, data, reason, reaches_uv) -> None:
    if not reaches_uv:
        monkeypatch.setattr("shared.programs.uv.Uv.install", lambda *_arguments: pytest.fail("uv was to install it"))
    bent = with_wheel(draft.original, data).draft(draft.folder)
    bent.write(ARCHIVE)
    host.refuses(capsys, bent.folder, reason, "install")


def test_a_wheel_with_data_and_scripts_installs(host, draft, capsys, tmp_path) -> None:
    data = wheel(
        [
            ("tiny_unused-0.1.0.data/scripts/tiny-tool", b"#!python\nprint('tool')\n"),
            ("tiny_unused-0.1.0.data/data/share/tiny/안내.txt", b"x"),
            ("tiny_unused-0.1.0.data/purelib/tiny_more.py", b"x = 1\n"),
            ("tiny_empty/", b""),
            ("tiny_data/empty", b""),
        ],
        lambda text: "".join(row for row in text.splitlines(True) if not row.startswith("tiny_empty/")),
    )
    bent = with_wheel(draft.original, data).draft(draft.folder)
    bent.write(ARCHIVE)
    ended = host.run(capsys, "install", bent.folder, "--prefix", tmp_path / "prefix")
    assert ended.code == 0, ended.text
    assert (tmp_path / "prefix" / "current" / "venv" / "share" / "tiny" / "안내.txt").is_file()


def test_the_same_file_in_two_wheels_installs(host, draft, capsys, tmp_path) -> None:
    text = WHEEL_FILES["tiny-math"][1]["tiny_math/__init__.py"].encode()
    bent = with_wheel(draft.original, wheel([("tiny_math/__init__.py", text)])).draft(draft.folder)
    bent.write(ARCHIVE)
    ended = host.run(capsys, "install", bent.folder, "--prefix", tmp_path / "prefix")
    assert ended.code == 0, ended.text


def test_the_list_is_long_enough() -> None:
    assert len(CASES) >= 20
    assert len({case[0] for case in CASES}) == len(CASES)
