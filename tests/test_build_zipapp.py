"""The zipapp's making: wheels chosen from the lock, merged, packed the same way each time."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from packaging.pylock import Pylock

import build_zipapp
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.lock.installer_wheels import Chosen, choose_wheels, read_installer_lock
from builder.lock.locked import LockedWheel
from builder.zipapp import pack
from bundle.target import PYTHONS, host_target, parse_target
from installer.release.signed import LAUNCHER_MEMBER
from shared.errors import BuildError
from shared.processes import process
from shared.terminal.progress import NoProgress
from tests.hosts import needs

if TYPE_CHECKING:
    from pathlib import Path

LINUX = parse_target("linux-x86_64", "3.9")
HERE = parse_target(str(host_target()), "3.9")
EPOCH = 1_700_000_000


def lock(*packages):
    """Return a lock of packages given as (name, marker or None, wheel tags)."""
    return Pylock.from_dict(
        {
            "lock-version": "1.0",
            "created-by": "test",
            "requires-python": ">=3.9.2",
            "packages": [
                {
                    "name": name,
                    "version": "1.0",
                    **({"marker": marker} if marker else {}),
                    "wheels": [
                        {
                            "name": f"{name}-1.0-{tag}.whl",
                            "url": f"https://index.invalid/{name}-1.0-{tag}.whl",
                            "hashes": {"sha256": hashlib.sha256(tag.encode()).hexdigest()},
                        }
                        for tag in tags
                    ],
                }
                for name, marker, tags in packages
            ],
        }
    )


def chosen(*packages, target=LINUX):
    wheels, floor = choose_wheels(lock(*packages), target)
    return {wheel.filename.split("-", 2)[2][: -len(".whl")]: wheel.pythons for wheel in wheels}, floor


def test_one_abi3_wheel_serves_all_minors_even_where_a_newer_one_fits_better():
    tags = ["cp311-abi3-manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_17_x86_64"]
    assert chosen(("a", None, tags)) == ({"cp39-abi3-manylinux_2_17_x86_64": PYTHONS}, (2, 17))


def test_a_pure_wheel_is_taken_before_a_native_one():
    tags = ["cp39-cp39-manylinux_2_17_x86_64", "py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"]
    assert chosen(("a", None, tags)) == ({"py3-none-any": PYTHONS}, (2, 17))


def test_a_wheel_for_each_minor_is_taken_where_there_is_no_other():
    tags = [f"cp3{minor}-cp3{minor}-manylinux_2_17_x86_64" for minor in range(9, 9 + len(PYTHONS))]
    found, _floor = chosen(("a", None, tags))
    assert found == {tag: (python,) for tag, python in zip(tags, PYTHONS, strict=True)}


def test_markers_are_those_of_the_target():
    found, _floor = chosen(
        ("a", "python_version < '3.11'", ["py3-none-any"]), ("b", "sys_platform == 'win32'", ["py2.py3-none-any"])
    )
    assert found == {"py3-none-any": ("3.9", "3.10")}


def test_the_lowest_glibc_with_all_wheels_is_taken():
    old, new = "cp39-abi3-manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_28_x86_64"
    assert chosen(("a", None, [old, new])) == ({old: PYTHONS}, (2, 17))
    assert chosen(("a", None, [old, new]), ("b", None, [new]))[1] == (2, 28)


def test_a_package_without_a_wheel_is_named_with_what_exists():
    with pytest.raises(BuildError, match=r"a 1\.0 has no wheel for macos-x86_64 with Python 3\.9") as caught:
        chosen(("a", None, ["cp39-abi3-win_amd64"]), target=parse_target("macos-x86_64", "3.9"))
    assert "win_amd64" in caught.value.advice


def test_what_no_host_imports_is_left_out():
    assert chosen(("pygments", None, ["py3-none-any"]))[0] == {}


def test_a_lock_out_of_date_is_refused(tmp_path):
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(pack.ROOT / name, tmp_path)
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text().replace('"platformdirs>=4"', '"platformdirs>=4", "another-one>=1"'))
    with pytest.raises(BuildError, match=re.escape(str(tmp_path / "uv.lock"))) as caught:
        read_installer_lock(tmp_path)
    assert "uv lock" in caught.value.advice


# the wheels


def wheel_file(path, members) -> tuple[Chosen, Path]:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return Chosen(LockedWheel(path.name, "a", "1.0", "https://index.invalid/x", len(data), digest), PYTHONS), path


def test_programs_lie_in_bin_and_what_is_not_run_stays_out(tmp_path):
    members = {
        "uv/__init__.py": b"1",
        "uv/py.typed": b"",
        "uv/stub.pyi": b"",
        "uv-1.0.data/scripts/uv": b"program",
        "uv-1.0.data/scripts/uvx": b"other",
        "uv-1.0.data/purelib/more.py": b"2",
        "uv-1.0.data/headers/uv.h": b"3",
        "uv-1.0.dist-info/RECORD": b"",
        "uv-1.0.dist-info/METADATA": b"4",
        "uv-1.0.dist-info/licenses/LICENSE": b"5",
    }
    site = tmp_path / "site"
    pack.unpack_wheel(*wheel_file(tmp_path / "uv-1.0-py3-none-any.whl", members), site)
    assert {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()} == {
        "uv/__init__.py": b"1",
        "bin/uv": b"program",
        "more.py": b"2",
        "uv-1.0.dist-info/METADATA": b"4",
        "uv-1.0.dist-info/licenses/LICENSE": b"5",
    }


def test_wheels_of_one_package_lie_side_by_side_only_where_their_files_agree(tmp_path):
    site = tmp_path / "site"
    names = [f"_b.cpython-3{minor}-x86_64-linux-gnu.so" for minor in (9, 10)]
    for number, name in enumerate(names):
        members = {name: b"%d" % number, "b.py": b"same", "b-1.0.dist-info/METADATA": b"%d" % number}
        pack.unpack_wheel(*wheel_file(tmp_path / f"{number}.whl", members), site)
    assert [(site / name).read_bytes() for name in names] == [b"0", b"1"]
    with pytest.raises(BuildError, match=r"The wheels of a .* contain different copies of b\.py"):
        pack.unpack_wheel(*wheel_file(tmp_path / "2.whl", {"b.py": b"other"}), site)


@pytest.mark.parametrize("name", ["../up.py", "/etc/x.py", "a/../../x.py", "hook.pth"])
def test_a_wheel_with_a_path_that_leads_out_or_a_pth_file_is_refused(tmp_path, name):
    with pytest.raises(BuildError, match="which is not allowed in the installer"):
        pack.unpack_wheel(*wheel_file(tmp_path / "a.whl", {name: b""}), tmp_path / "site")


def test_only_what_ships_of_the_project_is_added(tmp_path):
    project, site = tmp_path / "project", tmp_path / "site"
    for name in ("bootstrap/x.py", "bootstrap/launch/cache.py", "bootstrap/__pycache__/x.pyc", "validator/page.html",
                 "bootstrap/.hidden", "shared/programs/app_launcher.py", "recovery/launch/y.py", "installer/z.py",
                 "bundle/z.py", "fleet/z.py"):  # fmt: skip
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("")
    messages = project / "shared/locale/ko/LC_MESSAGES"
    messages.mkdir(parents=True)
    (messages / "ragtrace.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n')
    (messages / "ragtrace.mo").write_text("stale")
    pack.add_own_packages(project, site)
    assert sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()) == [
        "bootstrap/app_launcher.py",
        "bootstrap/x.py",
        "bundle/z.py",
        "fleet/z.py",
        "installer/z.py",
        "recovery/launch/y.py",
        "shared/locale/ko/LC_MESSAGES/ragtrace.mo",
        "shared/programs/app_launcher.py",
        "validator/page.html",
    ]
    assert (site / "shared/locale/ko/LC_MESSAGES/ragtrace.mo").read_bytes() != b"stale"


def test_what_ships_imports_nothing_that_does_not(tmp_path):
    pack.add_own_packages(pack.ROOT, tmp_path)
    program = (
        "import importlib, pkgutil, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]:\n"
        "    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + '.'):\n"
        "        importlib.import_module(found.name)\n"
    )
    argv = [sys.executable, "-I", "-c", program, str(tmp_path), *pack.OWN_PACKAGES]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# the archive


def make(output, target, packing=None, *, cache=None, offline=False):
    fetching = Fetching(Cache(cache or needs.cache_folder() / "builder"), NoProgress(), offline)
    return pack.build_zipapp(output, target, fetching, packing or pack.Packing())


@pytest.mark.index
def test_installers_of_before_find_what_starts_an_application_where_they_look(zipapp):
    own = (pack.ROOT / "shared" / "programs" / "app_launcher.py").read_bytes()
    with zipfile.ZipFile(zipapp) as archive:
        assert archive.read(LAUNCHER_MEMBER) == archive.read("site-packages/bootstrap/app_launcher.py") == own


@pytest.mark.index
def test_two_builds_are_the_same_bytes(zipapp, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Seoul")
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o077)
    try:
        again = make(tmp_path / "elsewhere" / "other.pyz", HERE)
    finally:
        os.umask(before)
    assert again.read_bytes() == zipapp.read_bytes()


@pytest.mark.index
def test_a_warm_cache_needs_no_network(zipapp, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert make(tmp_path / "a.pyz", HERE, offline=True).read_bytes() == zipapp.read_bytes()


def test_an_empty_cache_without_network_names_what_is_missing(tmp_path):
    with pytest.raises(BuildError, match=r"files? (is|are) not in the cache .*\.whl") as caught:
        make(tmp_path / "a.pyz", HERE, cache=tmp_path / "cache", offline=True)
    assert "without --offline" in caught.value.advice


@pytest.mark.index
def test_the_members_are_in_order_with_fixed_times_and_modes(zipapp):
    assert zipapp.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert zipapp.stat().st_mode & stat.S_IXUSR
    with zipfile.ZipFile(zipapp) as archive:
        members = archive.infolist()
        digests = json.loads(archive.read("digests.json"))
        files = {name: archive.read(f"site-packages/{name}") for name in digests["files"]}
    assert [member.filename for member in members] == sorted(member.filename for member in members)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    modes = {member.filename: member.external_attr >> 16 for member in members}
    assert modes.pop("site-packages/bin/uv") == 0o100755
    assert set(modes.values()) == {0o100644}
    inside = [name for name in modes if name.startswith("site-packages/")] + ["site-packages/bin/uv"]
    assert sorted(inside) == sorted(f"site-packages/{name}" for name in files)
    for name, data in files.items():
        mode = 0o755 if name == "bin/uv" else 0o644
        assert digests["files"][name] == [hashlib.sha256(data).hexdigest(), len(data), mode], name
    # read before zlib is known to be there
    plain = {member.filename for member in members if member.compress_type == zipfile.ZIP_STORED}
    assert {"__main__.py", "launch/__init__.py", "launch/cache.py", "digests.json", "environment.json"} <= plain
    assert not [name for name in modes if re.search(r"\.(pth|pyc|po|pyi)$|/tests/|launch\.py$", name)]


@pytest.mark.index
def test_epoch_and_policy_are_those_given(zipapp, tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "COMPRESSION_LEVEL", 0)
    path = make(tmp_path / "a.pyz", HERE, pack.Packing(b"pins", EPOCH))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("policy.json") == b"pins"
        assert {member.date_time for member in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    with zipfile.ZipFile(zipapp) as archive:
        assert "policy.json" not in archive.namelist()


def machine(data):
    """Return the machine that a program or extension is for, in its own format's number."""
    if data[:4] == b"\x7fELF":
        return "elf", struct.unpack_from("<H", data, 18)[0]
    if data[:2] == b"MZ":
        return "pe", struct.unpack_from("<H", data, struct.unpack_from("<I", data, 60)[0] + 4)[0]
    return "mach-o", struct.unpack_from("<I", data, 4)[0]


@pytest.mark.index
@pytest.mark.parametrize(
    ("name", "kind", "backend"),
    [
        ("linux-aarch64", ("elf", 183), "_cffi_backend.cpython-3{}-aarch64-linux-gnu.so"),  # EM_AARCH64
        ("windows-amd64", ("pe", 0x8664), "_cffi_backend.cp3{}-win_amd64.pyd"),  # IMAGE_FILE_MACHINE_AMD64
        ("macos-arm64", ("mach-o", 0x0100000C), "_cffi_backend.cpython-3{}-darwin.so"),  # CPU_TYPE_ARM64
    ],
)
def test_another_platforms_zipapp_holds_its_binaries(tmp_path, monkeypatch, name, kind, backend):
    monkeypatch.setattr(pack, "COMPRESSION_LEVEL", 0)
    path = make(tmp_path / "a.pyz", parse_target(name, "3.11"))
    with zipfile.ZipFile(path) as archive:
        digests = json.loads(archive.read("digests.json"))
        natives = [file for file in digests["files"] if file.endswith((".so", ".pyd")) or file.startswith("bin/")]
        assert {machine(archive.read(f"site-packages/{file}")) for file in natives} == {kind}
    wanted = {backend.format(minor) for minor in range(9, 9 + len(PYTHONS))}
    assert wanted <= set(natives)
    assert set(digests["suffixes"]) == {name.replace("_cffi_backend", "") for name in wanted}
    assert f"{digests['platform']}-{digests['architecture']}" == name
    assert ("bin/uv.exe" if name.startswith("windows") else "bin/uv") in natives
    # what starts there refuses this machine, in one sentence
    if name != str(HERE):
        done = process.run([sys.executable, str(path)], timeout=60)
        assert done.returncode == 4, done.stderr
        assert f"built for {name}" in done.stderr


@pytest.mark.index
def test_the_command_line_builds_for_the_target_it_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pack, "COMPRESSION_LEVEL", 0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    policy = tmp_path / "policy"
    policy.write_bytes(b"pins")
    argv = ["--output-dir", str(tmp_path / "dist"), "--target", "linux-x86_64", "--policy", str(policy)]
    argv += ["--cache-dir", str(needs.cache_folder() / "builder")]
    assert build_zipapp.main(argv) == 0
    path = tmp_path / "dist" / "ragtrace-install.pyz"
    assert capsys.readouterr().out == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("policy.json") == b"pins"
        assert archive.getinfo("launch/__init__.py").date_time[0] == 2023


def test_an_unknown_target_is_a_usage_error(tmp_path, capsys):
    assert build_zipapp.main(["--output-dir", str(tmp_path), "--target", "beos-x86_64"]) == 2
    assert "beos-x86_64 is not a known target" in capsys.readouterr().err


@pytest.mark.index
def test_the_zipapp_answers_with_its_version_and_with_the_exit_code_of_its_commands(zipapp, tmp_path):
    env = {"PATH": os.environ["PATH"], "RAGTRACE_CACHE": str(tmp_path), "LANG": "C.UTF-8"}
    done = process.run([sys.executable, str(zipapp), "--version"], env=env, timeout=60)
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "ragtrace-install", "")
    assert process.run([sys.executable, str(zipapp), "no-such-command"], env=env, timeout=60).returncode == 2
