from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from bootstrap import wheels
from bootstrap.bundle.manifest import Package
from bootstrap.errors import TrustError
from bootstrap.wheels import inspect
from tests.tiny import wheel

if TYPE_CHECKING:
    from pathlib import Path


LIB = Package("lib", "1.0", "wheels/lib.whl", None)


def refusal(path: Path) -> str:
    with pytest.raises(TrustError) as caught:
        inspect(path, LIB)
    assert caught.value.what.startswith("wheels/lib.whl: ")
    return caught.value.what


def made(
    folder: Path, *extra: tuple[str, bytes], mode: int = 0, entry_points: str = "", recorded: str | None = None
) -> Path:
    path = folder / "lib-1.0-py3-none-any.whl"
    files = {"lib/__init__.py": "", **({recorded: "x"} if recorded else {})}
    path.write_bytes(wheel("lib", "1.0", files, entry_points))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in extra:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


def test_an_honest_wheel(tmp_path) -> None:
    inspect(made(tmp_path, recorded="lib/data.txt", entry_points="[console_scripts]\nlib-tool = lib:main\n"), LIB)
    inspect(made(tmp_path, recorded="lib-1.0.data/data/share/man/lib.1"), LIB)


def test_a_member_that_no_record_names(tmp_path) -> None:
    assert "'lib/data.txt' is not in its RECORD" in refusal(made(tmp_path, ("lib/data.txt", b"x")))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.py", "leads out"),
        ("lib/../../evil.py", "leads out"),
        ("/etc/evil", "leads out"),
        ("C:/evil", "leads out"),
        ("lib\\..\\evil.py", "leads out"),
        ("lib//evil.py", "leads out"),
        ("lib/evil.py\0.txt", "leads out"),
        ("lib/e\nvil", "leads out"),
        ("lib/" + "d/" * 1500 + "x.py", "in more than 63 folders"),
        ("lib/" + "n" * 300, "is longer than 1024 bytes, or a name in it than 255"),
        ("LIB/__init__.py", "meet on some hosts"),
        ("other-1.0.dist-info/RECORD", "exactly one RECORD"),
        ("lib-1.0.data/scripts/python3", "would replace the interpreter"),
        ("lib-1.0.data/data/bin/python", "would replace the interpreter"),
        ("lib-1.0.data/data/pyvenv.cfg", "would replace the interpreter"),
    ],
)
def test_members(tmp_path, name, reason) -> None:
    assert reason in refusal(made(tmp_path, (name, b"x")))


@pytest.mark.parametrize("name", ["other-1.0.dist-info/METADATA", "lib-2.0.dist-info/METADATA", ".dist-info/x"])
def test_a_second_package(tmp_path, name) -> None:
    assert "not of lib 1.0" in refusal(made(tmp_path, (name, b"x")))


@pytest.mark.parametrize(("name", "version"), [("other", "1.0"), ("lib", "1.0.1")])
def test_another_package_than_the_manifest_says(tmp_path, name, version) -> None:
    with pytest.raises(TrustError, match=f"it is of lib 1.0, not of {name} {version}"):
        inspect(made(tmp_path), Package(name, version, "wheels/lib.whl", None))


def test_names_and_versions_in_another_form(tmp_path) -> None:
    path = tmp_path / "My_Lib-1.0rc1-py3-none-any.whl"
    path.write_bytes(wheel("My.Lib", "1.0.RC1", {"lib/__init__.py": ""}))
    inspect(path, Package("my-lib", "1.0rc1", "wheels/lib.whl", None))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_doubled_member(tmp_path) -> None:
    assert "twice" in refusal(made(tmp_path, ("lib/__init__.py", b"other")))


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644])
def test_links_and_devices(tmp_path, mode) -> None:
    assert "link or a device" in refusal(made(tmp_path, ("lib/link", b"/etc/passwd"), mode=mode))


def test_a_bomb(tmp_path) -> None:
    path = made(tmp_path, ("lib/bomb", b"x" * 10))
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02")  # the last entry of the central directory
    data[start + 24 : start + 28] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(data)
    assert "more than it can" in refusal(path)


@pytest.mark.parametrize("script", ["../x", "a/b", "python3", "Python", "..", "a b"])
def test_entry_points(tmp_path, script) -> None:
    assert "entry point" in refusal(made(tmp_path, entry_points=f"[console_scripts]\n{script} = lib:main\n"))


def test_unreadable(tmp_path) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(b"not a zip")
    assert "not a readable wheel" in refusal(path)
    assert "can't be read" in refusal(made(tmp_path, entry_points="no section\n"))
    bad = bytearray(made(tmp_path, entry_points="[console_scripts]\na = lib:m\n" * 3).read_bytes())
    at = bad.index(b"entry_points.txt") + len(b"entry_points.txt")
    bad[at : at + 8] = b"\xff" * 8
    path.write_bytes(bad)
    assert "not a readable wheel" in refusal(path)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MEMBERS_LIMIT", 1, "it holds "),
        ("UNPACKED_LIMIT", 10, "it unpacks to too much"),
        ("RECORD_LIMIT", 10, "its RECORD is too long"),
        ("ENTRY_POINTS_LIMIT", 10, "its entry points are too long"),
        ("METHODS", (), "is packed in a way that wheels don't use"),
    ],
)
def test_limits(tmp_path, monkeypatch, limit, value, reason) -> None:
    path = made(tmp_path, recorded="lib/data.txt", entry_points="[console_scripts]\nlib-tool = lib:main\n")
    inspect(path, LIB)
    monkeypatch.setattr(wheels, limit, value)
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("lib/__init__.py,sha256=x,0", "stands in its RECORD twice"),
        ("lib/data.txt,,", "has no SHA-256 in its RECORD"),
        ("lib/gone.txt,sha256=x,0", "is in its RECORD and not in it"),
        ("lib/data.txt,md5=x,0", "has no SHA-256 in its RECORD"),
    ],
)
def test_rows_of_record(tmp_path, row, reason) -> None:
    path = made(tmp_path, ("lib/data.txt", b"x"))
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members["lib-1.0.dist-info/RECORD"] += f"{row}\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert reason in refusal(path)
