from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bundle.target import Target, host_target
from installer.change import space
from installer.hardware import processor
from installer.install import host_results, preflight, requirements
from installer.layout.prefix import Prefix
from installer.userdata import persist
from shared.errors import BusyError, HostError
from shared.files import process_lock, temp_folders
from tests.bundles import make_manifest
from tests.hosts import needs

HERE = Target(host_target().platform, host_target().architecture, host_target().python)
MANIFEST = make_manifest(target=HERE)


def unfit(manifest, root) -> list[str]:
    findings = preflight.preflight(manifest, Prefix(root))
    assert all(finding.advice for finding in findings if not finding.fits)
    return [finding.name for finding in findings if not finding.fits]


def statvfs(inodes: int) -> SimpleNamespace:
    size = 1 << 50
    return SimpleNamespace(f_files=inodes, f_favail=inodes, f_bavail=size, f_bfree=size, f_blocks=size, f_frsize=1)


def test_this_host_fits_and_nothing_is_left(tmp_path) -> None:
    assert unfit(MANIFEST, tmp_path / "a/b") == []
    assert list(tmp_path.iterdir()) == []
    preflight.require_ok(preflight.preflight(MANIFEST, Prefix(tmp_path / "a/b")))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"target": Target("windows", "amd64", HERE.python)}, "Platform"),
        ({"target": replace(HERE, architecture={"x86_64": "aarch64"}.get(HERE.architecture, "x86_64"))}, "Platform"),
        ({"target": replace(HERE, python="3.9" if HERE.python != "3.9" else "3.10")}, "Python"),
        ({"python_range": (98, 99)}, "Python"),
        ({"target": replace(HERE, glibc=(2, 99))}, "C library"),
        ({"installed_bytes": 1 << 60}, "Space"),
        ({"installed_files": 1 << 50}, "Inodes"),
    ],
)
def test_bundles_that_do_not_fit(tmp_path, monkeypatch, change, name) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: statvfs(10_000))
    assert unfit(replace(MANIFEST, **change), tmp_path / "new") == [name]
    with pytest.raises(HostError):
        preflight.require_ok(preflight.preflight(replace(MANIFEST, **change), Prefix(tmp_path / "new")))


def test_a_filesystem_that_makes_inodes_as_needed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: statvfs(0))
    assert unfit(MANIFEST, tmp_path / "new") == []


def test_space_is_compared_to_the_byte(tmp_path, monkeypatch) -> None:
    needed = space.needed_bytes(MANIFEST)
    for free, expected in ((needed, []), (needed - 1, ["Space"])):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        assert unfit(MANIFEST, tmp_path / "new") == expected


def test_no_glibc(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(requirements, "host_glibc", lambda: None)
    assert unfit(MANIFEST, tmp_path / "new") == ["C library"]


def test_places_that_do_not_fit(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    assert unfit(MANIFEST, tmp_path / "file") == ["Folder", "Permission"]
    (tmp_path / "link").symlink_to(tmp_path)
    assert unfit(MANIFEST, tmp_path / "link") == ["Folder"]
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert unfit(MANIFEST, tmp_path / "dangling") == ["Folder"]
    assert unfit(MANIFEST, tmp_path) == ["Folder"]
    (tmp_path / "empty").mkdir()
    assert unfit(MANIFEST, tmp_path / "empty") == []
    Prefix(tmp_path / "ours").make()
    assert unfit(MANIFEST, tmp_path / "ours") == []


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch) -> None:
    def refuse(_place: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(temp_folders, "beside", refuse)
    assert unfit(MANIFEST, tmp_path / "new") == ["Permission"]


# the lock


def test_folders_that_cannot_lead_to_others(tmp_path, monkeypatch) -> None:
    def refuse(_place, _folder):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(persist, "lead", refuse)
    assert unfit(MANIFEST, tmp_path / "prefix") == ["Links"]
    without = replace(MANIFEST, application=replace(MANIFEST.application, persist=()))
    assert unfit(without, tmp_path / "prefix") == []
    assert not list(tmp_path.iterdir())


def test_a_held_lock_refuses_at_once_and_is_free_afterwards(tmp_path) -> None:
    path = tmp_path / "lock"
    with (
        process_lock.locked(path),
        pytest.raises(BusyError, match=rf"process \({os.getpid()}\)"),
        process_lock.locked(path),
    ):
        pass
    with process_lock.locked(path):
        pass


def test_waiting_for_a_lock(tmp_path, monkeypatch) -> None:
    path = tmp_path / "lock"
    holding, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with process_lock.locked(path):
            holding.set()
            enough.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(10)
    monkeypatch.setattr(time, "sleep", lambda _seconds: (enough.set(), holder.join(10)))
    with process_lock.locked(path, wait=60):
        assert enough.is_set()


@contextlib.contextmanager
def waited_for(monkeypatch, path, removing):
    """Hold a lock after waiting for a holder that ends by calling ``removing``."""
    with contextlib.ExitStack() as holder:
        holder.enter_context(process_lock.locked(path))
        monkeypatch.setattr(time, "sleep", lambda _seconds: (removing(), holder.close()))
        with process_lock.locked(path, wait=60):
            yield


def test_a_lock_that_was_removed_while_it_was_waited_for_is_held_anew(tmp_path, monkeypatch) -> None:
    path = tmp_path / "state" / "lock"
    path.parent.mkdir()
    with waited_for(monkeypatch, path, path.unlink), pytest.raises(BusyError), process_lock.locked(path):
        pass


def test_a_prefix_that_was_removed_while_it_was_waited_for(tmp_path, monkeypatch) -> None:
    path = tmp_path / "state" / "lock"
    path.parent.mkdir()
    removed = pytest.raises(HostError, match=f"{tmp_path} was removed while this run waited")
    with removed, waited_for(monkeypatch, path, lambda: shutil.rmtree(path.parent)):
        pass


# processor, clock, processes, owner, execution


def found(manifest, root, name):
    return next((finding for finding in preflight.preflight(manifest, Prefix(root)) if finding.name == name), None)


FLAGS = {
    1: "fpu sse sse2",
    2: "fpu cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
    3: "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma abm movbe xsave",
    4: "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma abm movbe xsave "
    "avx512f avx512bw avx512cd avx512dq avx512vl",
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of a processor")
@pytest.mark.parametrize("level", FLAGS)
def test_the_level_of_a_processor(tmp_path, monkeypatch, level) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {FLAGS[level]}\n")
    monkeypatch.setattr(processor, "CPUINFO", path)
    assert processor.level() == level
    path.write_text("processor\t: 0\n")
    assert processor.level() is None


@pytest.mark.parametrize(("here", "fits", "warns"), [(3, True, False), (2, False, False), (None, True, True)])
def test_a_processor_is_compared_with_what_the_profile_asks_for(tmp_path, monkeypatch, here, fits, warns) -> None:
    monkeypatch.setattr(processor, "level", lambda: here)
    target = replace(HERE, architecture="x86_64")
    manifest = replace(MANIFEST, target=target, application=replace(MANIFEST.application, cpu_level=3))
    finding = found(manifest, tmp_path / "new", "Processor")
    assert (finding.fits, finding.warns) == (fits, warns)


def test_a_clock_before_the_bundles_date_is_told(tmp_path) -> None:
    assert not found(MANIFEST, tmp_path / "new", "Clock").warns
    late = found(replace(MANIFEST, created="2099-01-01T00:00:00Z"), tmp_path / "new", "Clock")
    assert (late.fits, late.warns) == (True, True)


@pytest.mark.parametrize("how", ["cwd", "argument"])
def test_a_running_application_is_told(tmp_path, how) -> None:
    prefix = Prefix(tmp_path / "ours")
    prefix.make()
    app = prefix.releases / "1-000000000000-r1" / "app"
    app.mkdir(parents=True)
    assert not found(MANIFEST, prefix.root, "Processes").warns
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    (app / "main.py").write_text(code)
    child = subprocess.Popen(
        [sys.executable, *([str(app / "main.py")] if how == "argument" else ["-c", code])],
        cwd=app if how == "cwd" else tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout.readline()
        finding = found(MANIFEST, prefix.root, "Processes")
        assert (finding.fits, finding.warns) == (sys.platform != "win32", True)
        assert f"({child.pid})" in finding.details
    finally:
        child.communicate()


def test_processes_that_cannot_be_looked_at_are_not_called_none(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path / "ours")
    prefix.make()
    monkeypatch.setitem(sys.modules, "psutil", None)
    finding = found(MANIFEST, prefix.root, "Processes")
    assert finding.warns
    assert "could not check" in finding.details


def test_a_folder_where_no_program_runs(tmp_path) -> None:
    with needs.or_skip():
        needs.root_on_linux()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,size=1g", "none", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted")
    try:
        assert unfit(MANIFEST, tmp_path / "new") == ["Execution"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_each_filesystem_is_asked_for_its_share(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path / "ours")
    prefix.make()
    with needs.or_skip():
        needs.root_on_linux()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", prefix.backups], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted")
    try:
        assert unfit(MANIFEST, prefix.root) == []
        (prefix.data / "large").write_bytes(bytes(100_000))
        assert unfit(MANIFEST, prefix.root) == ["Space"]
    finally:
        subprocess.run(["umount", prefix.backups], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links of POSIX")
@pytest.mark.parametrize(("name", "found"), [("releases", ["Folder"]), ("bin", ["Folder"]), ("backups", [])])
def test_a_link_in_the_place_of_what_finds_the_data_from_where_it_lies(tmp_path, name, found) -> None:
    prefix = Prefix(tmp_path / "ours")
    prefix.make()
    (prefix.root / name).rename(tmp_path / "elsewhere")
    (prefix.root / name).symlink_to(tmp_path / "elsewhere")
    assert unfit(MANIFEST, prefix.root) == found


def test_the_space_of_a_repair_is_that_of_its_packages(tmp_path, monkeypatch) -> None:
    manifest = replace(MANIFEST, installed_bytes=1 << 40)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1 << 30))
    prefix = Prefix(tmp_path / "ours")
    prefix.make()
    assert not preflight.repair_space(manifest, prefix, None).fits
    assert preflight.repair_space(manifest, prefix, frozenset({"nothing"})).fits


@pytest.mark.parametrize(("there", "expected"), [(True, []), (False, ["Standard library"])])
def test_cpython_3_9_needs_distutils(tmp_path, monkeypatch, there, expected) -> None:
    monkeypatch.setattr(host_results, "_has_distutils", lambda: there)
    monkeypatch.setattr(host_results, "DISTUTILS_UNTIL", sys.version_info)
    assert unfit(MANIFEST, tmp_path / "new") == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_limit_of_the_size_of_files_is_known_before_the_first_write(tmp_path, monkeypatch) -> None:
    import resource

    entries = [replace(entry, size=min(entry.size, 1000)) for entry in MANIFEST.files]
    entries[0] = replace(entries[0], size=3 << 20)
    manifest = replace(MANIFEST, files=tuple(entries))
    for most, fits in (((3 << 20) - 1, False), (3 << 20, True), (resource.RLIM_INFINITY, True)):
        limits = {resource.RLIMIT_FSIZE: (most, most)}
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limits=limits: limits.get(kind, (1 << 30, 1 << 30)))
        assert unfit(manifest, tmp_path / "new") == ([] if fits else ["Limits"])
    limits = {resource.RLIMIT_FSIZE: (4096, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits.get(kind, (1 << 30, 1 << 30)))
    assert unfit(replace(manifest, files=tuple(entries[1:])), tmp_path / "new") == ["Limits"]  # for our own files


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize(("name", "most", "fits"), [
    ("RLIMIT_NOFILE", 24, False), ("RLIMIT_NOFILE", 25, True),
    ("RLIMIT_STACK", (256 << 10) - 1, False), ("RLIMIT_STACK", 256 << 10, True),
])  # fmt: skip
def test_what_uv_takes_is_known_before_the_first_write(tmp_path, monkeypatch, name, most, fits) -> None:
    import resource

    wheels = [replace(MANIFEST.files[0], path=f"02_Dependencies/wheels/{number}.whl") for number in range(2)]
    limits = {getattr(resource, name): (most, most)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits.get(kind, (1 << 30, 1 << 30)))
    assert unfit(replace(MANIFEST, files=tuple(wheels)), tmp_path / "new") == ([] if fits else ["Limits"])


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for uv")
@pytest.mark.parametrize(("refused", "words"), [(None, "panicked at"), ("socketpair", "cannot use sockets")])
def test_a_uv_that_cannot_start_is_told_by_what_is_refused(tmp_path, monkeypatch, refused, words) -> None:
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\necho panicked at x >&2; echo note: RUST_BACKTRACE=1 >&2; exit 134\n")
    program.chmod(0o755)
    monkeypatch.setattr("shared.programs.uv.binary", lambda: program)
    if refused:
        monkeypatch.setattr(f"socket.{refused}", lambda: os.open("/proc/self/mem/x", 0))
    findings = [finding for finding in preflight.preflight(MANIFEST, Prefix(tmp_path / "new")) if not finding.fits]
    assert [finding.name for finding in findings] == ["uv startup"]
    assert words in findings[0].details
    assert "seccomp" in findings[0].advice


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.write_bytes(b"NAME=\xff\n")])
def test_settings_that_no_launcher_could_read(tmp_path, make) -> None:
    make(tmp_path / ".env")
    assert unfit(MANIFEST, tmp_path) == ["Settings"]


@pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")
@pytest.mark.parametrize("call", ["chmod", "utime", "fsync"])
def test_a_filesystem_that_refuses_what_files_are_given(tmp_path, monkeypatch, call) -> None:
    def refuse(*_arguments) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, call, refuse)
    assert unfit(MANIFEST, tmp_path) == ["Files"]


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for the interpreter")
@pytest.mark.parametrize(("line", "fits"), [("exit 0", True), ("echo hello", False), ("exit 1", False), (None, False)])
def test_a_python_that_writes_before_its_program(tmp_path, monkeypatch, line, fits) -> None:
    python = tmp_path / "python"
    if line:  # else it is gone
        python.write_text(f"#!/bin/sh\n{line}\n")
        python.chmod(0o755)
    monkeypatch.setattr("installer.install.probes.base_interpreter", lambda: python)
    assert unfit(MANIFEST, tmp_path / "new") == ([] if fits else ["Python startup"])
