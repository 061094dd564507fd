from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from bundle.manifest import Package
from bundle.wheels import container, structure
from bundle.wheels.sizes import Unpacked
from bundle.wheels.structure import inspect, unpacked
from shared.errors import ToolError, TrustError
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


LIB = Package("lib", "1.0", "wheels/lib-1.0-py3-none-any.whl", None)


def refusal(path: Path) -> str:
    with pytest.raises(TrustError) as caught:
        inspect(path, LIB)
    assert caught.value.what.startswith("wheels/lib-1.0-py3-none-any.whl: ")
    return caught.value.what


def made(
    folder: Path, *extra: tuple[str, bytes], mode: int = 0, entry_points: str = "", recorded: str | None = None
) -> Path:
    path = folder / "lib-1.0-py3-none-any.whl"
    files = {"lib/__init__.py": "", **({recorded: "x"} if recorded else {})}
    path.write_bytes(make_wheel("lib", "1.0", files, entry_points=entry_points))
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
    assert "'lib/data.txt' is not listed in RECORD" in refusal(made(tmp_path, ("lib/data.txt", b"x")))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.py", "an unsafe path"),
        ("lib/../../evil.py", "an unsafe path"),
        ("/etc/evil", "an unsafe path"),
        ("C:/evil", "an unsafe path"),
        ("lib\\..\\evil.py", "an unsafe path"),
        ("lib//evil.py", "an unsafe path"),
        ("lib/evil.py\0.txt", "an unsafe path"),
        ("lib/e\nvil", "an unsafe path"),
        ("lib/" + "d/" * 1500 + "x.py", "in more than 63 folders"),
        ("lib/" + "n" * 300, "longer than 1024 bytes, or has a name longer than 255"),
        ("LIB/__init__.py", "collide on some hosts"),
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
    with pytest.raises(TrustError, match=f"is a wheel of lib 1.0, not of {name} {version}"):
        inspect(made(tmp_path), Package(name, version, "wheels/lib.whl", None))


def test_names_and_versions_in_another_form(tmp_path) -> None:
    path = tmp_path / "My_Lib-1.0rc1-py3-none-any.whl"
    path.write_bytes(make_wheel("My.Lib", "1.0.RC1", {"lib/__init__.py": ""}))
    inspect(path, Package("my-lib", "1.0rc1", f"wheels/{path.name}", None))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_doubled_member(tmp_path) -> None:
    assert "duplicate file name" in refusal(made(tmp_path, ("lib/__init__.py", b"other")))


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644])
def test_links_and_devices(tmp_path, mode) -> None:
    assert "link or a device" in refusal(made(tmp_path, ("lib/link", b"/etc/passwd"), mode=mode))


def test_a_bomb(tmp_path) -> None:
    path = made(tmp_path, ("lib/bomb", b"x" * 10))
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02")  # the last entry of the central directory
    data[start + 24 : start + 28] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(data)
    assert "an impossible compression ratio" in refusal(path)


@pytest.mark.parametrize("script", ["../x", "a/b", "python3", "Python", "..", "a b"])
def test_entry_points(tmp_path, script) -> None:
    assert "entry point" in refusal(made(tmp_path, entry_points=f"[console_scripts]\n{script} = lib:main\n"))


@pytest.mark.parametrize("target", ["%(b)s", "", "lib:", "lib main", "lib:a:b"])
def test_entry_points_that_lead_nowhere(tmp_path, target) -> None:
    assert "does not name a function" in refusal(made(tmp_path, entry_points=f"[console_scripts]\na = {target}\n"))


def test_sizes_that_a_header_and_the_directory_tell_otherwise(tmp_path) -> None:
    for offset in (14, 18, 22):  # CRC, size in the wheel, size of the file (APPNOTE 4.3.7)
        path = made(tmp_path)
        data = bytearray(path.read_bytes())
        data[offset] ^= 0xFF
        path.write_bytes(data)
        assert "local header of 'lib/__init__.py' does not match" in refusal(path)


def test_unreadable(tmp_path) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(b"not a zip")
    assert "not a readable wheel" in refusal(path)
    assert "cannot read the entry points" in refusal(made(tmp_path, entry_points="no section\n"))
    bad = bytearray(made(tmp_path, entry_points="[console_scripts]\na = lib:m\n" * 3).read_bytes())
    at = bad.index(b"entry_points.txt") + len(b"entry_points.txt")
    bad[at : at + 8] = b"\xff" * 8
    path.write_bytes(bad)
    assert "not a readable wheel" in refusal(path)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MEMBERS_LIMIT", 1, "contains no files, or more than 1"),
        ("UNPACKED_LIMIT", 10, "unpacked size exceeds the limit"),
        ("RECORD_LIMIT", 10, "RECORD is too large"),
        ("ENTRY_POINTS_LIMIT", 10, "entry points file is too large"),
        ("METHODS", (), "packed with an unsupported method"),
    ],
)
def test_limits(tmp_path, monkeypatch, limit, value, reason) -> None:
    path = made(tmp_path, recorded="lib/data.txt", entry_points="[console_scripts]\nlib-tool = lib:main\n")
    inspect(path, LIB)
    monkeypatch.setattr(container if hasattr(container, limit) else structure, limit, value)
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("lib/__init__.py,sha256=x,0", "duplicate entry in RECORD"),
        ("lib/data.txt,,", "has no SHA-256 in RECORD"),
        ("lib/gone.txt,sha256=x,0", "is listed in RECORD but missing"),
        ("lib/data.txt,md5=x,0", "has no SHA-256 in RECORD"),
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


def changed(path: Path, old: bytes, new: bytes, count: int = -1) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, count))
    return path


def rewritten(folder: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Return a wheel whose members were changed, with a RECORD that lists them."""
    path = made(folder)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
    change(members)
    rows = "".join(f"{name},sha256={'A' * 43},{len(data)}\n" for name, data in members.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, "lib-1.0.dist-info/RECORD": rows.encode()}.items():
            archive.writestr(name, data)
    return path


METADATA, WHEEL = "lib-1.0.dist-info/METADATA", "lib-1.0.dist-info/WHEEL"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda members: members.pop(METADATA), "has no METADATA"),
        (lambda members: members.pop(WHEEL), "has no WHEEL"),
        (
            lambda members: members.update({METADATA: b"Name: lib\nVersion: 2.0\n"}),
            "is a wheel of lib 2.0, not of lib 1.0",
        ),
        (
            lambda members: members.update({METADATA: b"Name: other\nVersion: 1.0\n"}),
            "is a wheel of other 1.0, not of lib",
        ),
        (lambda members: members.update({METADATA: b"\xff\xfe"}), "is a wheel of  , not of lib 1.0"),
        (lambda members: members.update({METADATA: b"Name: " + bytes(5 << 20)}), "METADATA is too large"),
        (lambda members: members.update({METADATA: b"Name: lib\nVersion: " + b"9" * 5000}), "not of lib 1.0"),
        (
            lambda members: members.update({WHEEL: b"Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"}),
            "WHEEL has an unsupported",
        ),
        (lambda members: members.update({WHEEL: b"Wheel-Version: 1.0\n"}), "WHEEL has an unsupported"),
        (lambda members: members.update({WHEEL: b"Wheel-Version: 1.0\n\xff"}), "not a readable wheel"),
        (lambda members: members.update({"lib-v1.0.dist-info/x": b""}), "contains more than one package"),
    ],
)
def test_what_every_wheel_tells_of_itself(tmp_path, change, reason) -> None:
    assert reason in refusal(rewritten(tmp_path, change))


NOT_WHEELS = ("lib.whl", "lib-1.0.whl", "lib-x-py3-none-any.whl", f"lib-{'9' * 5000}-py3-none-any.whl", "lib-1.0.zip")


@pytest.mark.parametrize("name", NOT_WHEELS, ids=range(len(NOT_WHEELS)))
def test_a_file_that_is_not_named_as_a_wheel(tmp_path, name) -> None:
    with pytest.raises(TrustError, match="not a valid wheel file name"):
        inspect(made(tmp_path), Package("lib", "1.0", f"wheels/{name}", None))


def test_a_file_named_after_another_package(tmp_path) -> None:
    with pytest.raises(TrustError, match=r"is a wheel of lib 1\.1, not of lib 1\.0"):
        inspect(made(tmp_path), Package("lib", "1.0", "wheels/lib-1.1-py3-none-any.whl", None))


def test_commands_that_only_begin_like_the_interpreter(tmp_path) -> None:
    inspect(made(tmp_path, entry_points="[console_scripts]\npython-grpc-tools-protoc = lib:main\n"), LIB)
    inspect(made(tmp_path, recorded="lib-1.0.data/scripts/python-tool"), LIB)


def test_headers_that_tell_something_else_than_the_directory(tmp_path) -> None:
    assert "local header of 'lib/__init__.py' does not match" in refusal(
        changed(made(tmp_path), b"lib/__init__", b"lib/__evil__", 1)
    )
    assert "local header of 'lib/__init__.py' does not match" in refusal(
        changed(made(tmp_path), b"PK\3\4", b"PK\3\5", 1)
    )


def entry(data: bytes | bytearray, number: int) -> int:
    """Return where the central directory tells of a member."""
    at = -1
    for _member in range(number + 1):
        at = data.index(b"PK\1\2", at + 1)
    return at


def with_directory(path: Path, number: int, offset: int, value: int) -> Path:
    data = bytearray(path.read_bytes())
    place = entry(data, number)
    at, header = place + offset, int.from_bytes(data[place + 42 : place + 46], "little")
    data[header + 6] |= 8  # the header says that the sizes come later
    data[at : at + 4] = value.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def test_members_that_share_bytes_or_are_longer_than_the_file(tmp_path) -> None:
    assert "'lib-1.0.dist-info/METADATA' overlaps another file" in refusal(with_directory(made(tmp_path), 0, 20, 60))
    assert "file data overlaps the central directory" in refusal(with_directory(made(tmp_path), 3, 20, 1 << 20))
    assert "does not match the central directory" in refusal(with_directory(made(tmp_path), 1, 42, 1 << 20))


def test_a_member_with_a_second_name(tmp_path) -> None:
    path = made(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("lib/x.py", b"")
        archive.infolist()[-1].orig_filename = "lib/x.py"
    with zipfile.ZipFile(path) as archive:
        member = archive.infolist()[-1]
        member.filename = "lib/y.py"  # as an Info-ZIP extra field (0x7075) does on newer Pythons
        with pytest.raises(TrustError, match=r"'lib/x.py' has two different names"):
            container._check_member(member, "lib")


def test_what_a_wheel_comes_to(tmp_path) -> None:
    path = made(tmp_path, recorded="lib/data.txt")
    with zipfile.ZipFile(path) as archive:
        expected = Unpacked(sum(member.file_size for member in archive.infolist()), len(archive.infolist()))
    assert inspect(path, LIB) == unpacked(path, "x.whl") == expected
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TrustError, match=r"x\.whl: not a readable wheel"):
        unpacked(path, "x.whl")


def test_which_wheel_was_to_blame(tmp_path) -> None:
    right, wrong = made(tmp_path, recorded="lib/data.txt"), tmp_path / "wrong.whl"
    wrong.write_bytes(rewritten(tmp_path / ".", lambda members: None).read_bytes())
    right = made(tmp_path, recorded="lib/data.txt")
    assert structure.contradiction(right, "right.whl") is None
    both, said = [(right, "right.whl"), (wrong, "wrong.whl")], r"wrong.whl: 'lib/__init__.py' does not match RECORD"
    with pytest.raises(TrustError, match=said), structure.blamed(both):
        raise ToolError("uv's own words")
    with pytest.raises(ToolError, match="uv's own words"), structure.blamed([(right, "right.whl")]):
        raise ToolError("uv's own words")
    at = right.read_bytes().index(b"lib/data.txt") + len("lib/data.txt")
    data = bytearray(right.read_bytes())
    data[at] ^= 0xFF
    right.write_bytes(data)
    assert "not a readable wheel" in str(structure.contradiction(right, "right.whl"))
