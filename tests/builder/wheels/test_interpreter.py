from __future__ import annotations

import contextlib
import hashlib
import io
import json
import platform
import struct
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.wheels.interpreter import add_python
from bundle.target import host_target, parse_target
from shared.errors import BuildError, UsageError
from shared.terminal.progress import NoProgress
from tests.servers import serve

HERE = host_target()
ARM = parse_target("linux-aarch64", "3.12")
ELF_ARM = b"\x7fELF" + bytes(14) + struct.pack("<H", 183) + bytes(100)
PE_AMD = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", 0x8664)
MACH_ARM = struct.pack("<II", 0xFEEDFACF, 0x0100000C)
SYSCONFIG = "lib/python3.12/_sysconfigdata__linux_aarch64-linux-gnu.py"
TREE = {
    "bin/python3.12": ELF_ARM,
    "bin/pip3": b"#!/somewhere/python\n",
    "lib/libpython3.12.so.1.0": b"library",
    SYSCONFIG: b"# system configuration generated and used by the sysconfig module\n"
    b"build_time_vars = {'prefix': '/install'}\n",
    "lib/python3.12/os.py": b"os",
    "lib/python3.12/__pycache__/os.cpython-312.pyc": b"bytecode",
    "lib/python3.12/test/test_os.py": b"test",
    "lib/python3.12/site-packages/pip/__init__.py": b"pip",
    "include/python3.12/Python.h": b"header",
    "share/terminfo/E/eterm": b"x",
    "share/terminfo/e/eterm": b"x",
}
STORED = ["bin/python3.12", "lib/libpython3.12.so.1.0", SYSCONFIG, "lib/python3.12/os.py"]


def pack(tree, links=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in tree.items():
            member = tarfile.TarInfo(f"python/{name}")
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
        for name, target in links:
            member = tarfile.TarInfo(f"python/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return out.getvalue()


def bring(given, target, folder):
    folder.mkdir()
    return [item.entry for item in add_python(str(given), target, folder, NoProgress())]


@pytest.fixture(params=["PEP 706", "before 3.11.4"])
def _tarfile(request, monkeypatch):
    """Unpack with tarfile's own filter, and as Debian 12's 3.11.2 must, which has none."""
    if request.param != "PEP 706":
        monkeypatch.delattr(tarfile, "data_filter")


@pytest.mark.usefixtures("_tarfile")
def test_an_archive_comes_without_links_tests_headers_and_the_packages_of_others(tmp_path):
    (tmp_path / "python.tar.gz").write_bytes(pack(TREE, [("bin/python3", "python3.12")]))
    entries = bring(tmp_path / "python.tar.gz", ARM, tmp_path / "scratch")
    assert [entry.path.removeprefix("01_Prerequisites/python/") for entry in entries] == STORED
    assert [entry.mode for entry in entries] == [0o755, 0o644, 0o644, 0o644]
    assert {entry.kind for entry in entries} == {"interpreter"}
    assert entries[0].sha256 == hashlib.sha256(ELF_ARM).hexdigest()


@pytest.mark.parametrize(
    ("name", "program", "data"),
    [("windows-amd64", "python.exe", PE_AMD), ("macos-arm64", "bin/python3.12", MACH_ARM)],
)
def test_each_platform_has_its_own_program(tmp_path, name, program, data):
    (tmp_path / "python.tar.gz").write_bytes(pack({program: data}))
    (entry,) = bring(tmp_path / "python.tar.gz", parse_target(name, "3.12"), tmp_path / "scratch")
    assert entry.inner == program


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (replace(ARM, python="3.13"), r"has no bin/python3\.13"),
        (parse_target("linux-x86_64", "3.12"), "is not a program for linux-x86_64"),
        (parse_target("macos-arm64", "3.12"), "is not a program for macos-arm64"),
    ],
)
def test_the_python_of_another_target_is_refused(tmp_path, target, error):
    (tmp_path / "python.tar.gz").write_bytes(pack(TREE))
    with pytest.raises(BuildError, match=error):
        bring(tmp_path / "python.tar.gz", target, tmp_path / "scratch")


@pytest.mark.usefixtures("_tarfile")
def test_what_is_no_archive_is_refused_and_nothing_leaves_the_folder(tmp_path):
    with pytest.raises(UsageError, match="neither a version nor an archive"):
        bring(tmp_path / "missing", ARM, tmp_path / "scratch1")
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(UsageError, match="neither a version nor an archive"):
        bring(tmp_path / "text", ARM, tmp_path / "scratch2")
    (tmp_path / "evil.tar.gz").write_bytes(pack({"../../../escaped": b"x"}))
    with pytest.raises(UsageError, match="neither a version nor an archive"):
        bring(tmp_path / "evil.tar.gz", ARM, tmp_path / "scratch3")
    assert not (tmp_path / "escaped").exists()
    (tmp_path / "link.tar.gz").write_bytes(pack({**TREE, "out/escaped": b"x"}, [("out", "../../..")]))
    with contextlib.suppress(UsageError):  # whether it is refused or left out
        bring(tmp_path / "link.tar.gz", ARM, tmp_path / "scratch4")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.skipif(HERE.platform != "linux", reason="needs a program of this platform")
def test_a_python_of_this_platform_must_run(tmp_path):
    entries = bring(sys.base_prefix, HERE, tmp_path / "scratch")
    assert f"bin/python{HERE.python}" in {entry.inner for entry in entries}
    program = Path(sys.base_prefix, "bin", f"python{HERE.python}").read_bytes()
    (tmp_path / "python.tar.gz").write_bytes(pack({f"bin/python{HERE.python}": program}))
    with pytest.raises(BuildError, match="does not run from the folder"):
        bring(tmp_path / "python.tar.gz", HERE, tmp_path / "scratch2")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the list below names one architecture")
def test_a_version_comes_through_uv_from_the_mirror_that_is_set(tmp_path, monkeypatch):
    data = pack(TREE, [("bin/python3", "python3.12"), ("bin/python", "python3.12")])
    with serve({"/python.tar.gz": data}) as site:
        entry = {
            "name": "cpython",
            "arch": {"family": "aarch64", "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": 3,
            "minor": 12,
            "patch": 7,
            "prerelease": "",
            "url": f"{site.url}/python.tar.gz",
            "sha256": hashlib.sha256(data).hexdigest(),
            "variant": None,
            "build": "20241016",
        }
        (tmp_path / "list.json").write_text(json.dumps({"cpython-3.12.7-linux-aarch64-gnu": entry}))
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", str(tmp_path / "list.json"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        entries = bring("3.12", ARM, tmp_path / "scratch")
        assert [entry.inner for entry in entries] == STORED
        assert len(site.seen) == 1
        again = bring("3.12", ARM, tmp_path / "elsewhere")
        assert again == entries
        entry["sha256"] = "0" * 64
        (tmp_path / "list.json").write_text(json.dumps({"cpython-3.12.7-linux-aarch64-gnu": entry}))
        with pytest.raises(BuildError, match=r"uv cannot install cpython-3\.12-linux-aarch64-gnu") as caught:
            bring("3.12", ARM, tmp_path / "scratch2")
    assert "UV_PYTHON_INSTALL_MIRROR" in caught.value.advice
