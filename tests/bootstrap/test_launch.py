"""The launcher: which hosts it refuses, what it takes away, and that nothing altered in its cache is ever run."""

from __future__ import annotations

import importlib.machinery
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

import build_zipapp
from bootstrap import launch, process
from bootstrap.bundle.target import PYTHONS, host_target, parse_target
from bootstrap.console import NoProgress
from bootstrap.launch import cache
from builder.cache import Cache
from tests.hosts import needs

HERE = parse_target(str(host_target()), "3.9")
TOO_OLD = ("2.7", "3.6", "3.7", "3.8")
EXIT_CODE = 9
PROBE = """
import json, os, sys

def main():
    found = {"argv": sys.argv, "env": dict(os.environ), "flags": [sys.flags.isolated, sys.dont_write_bytecode]}
    if sys.argv[1:] == ["imports"]:
        import packaging.version, platformdirs, psutil, rich.progress, uv
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from launch.cache import program
        key = Ed25519PrivateKey.generate()
        key.public_key().verify(key.sign(b"x"), b"x")
        found.update(cores=psutil.cpu_count(), uv=[program("uv"), uv.find_uv_bin()])
    if sys.argv[1:] == ["program"]:
        from launch.cache import program
        found["uv"] = program("uv")
    print(json.dumps(found))
    return 9
"""


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """The zipapp with another entry point, which tells what it sees; its Korean is one sentence."""
    folder = tmp_path_factory.mktemp("probe")
    site = folder / "site-packages"
    floor = build_zipapp.stage(site, HERE, cache=Cache(needs.cache_folder() / "builder"), progress=NoProgress())
    (site / "probe.py").write_text(PROBE)
    messages = Catalog("ko")
    messages.add("error: {what}", "오류: {what}")
    korean = site / "bootstrap" / "locale" / "ko" / "LC_MESSAGES" / "ragtrace.mo"
    with korean.open("wb") as file:
        write_mo(file, messages)
    digests = build_zipapp.describe(site, HERE, floor)
    output = folder / "probe.pyz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_zipapp, "COMPRESSION_LEVEL", 1)
        build_zipapp.pack(site, output, digests, policy=None, epoch=0, entry_point="probe:main")
    return output


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def start(zipapp, home, *arguments, python=sys.executable, cwd=None, **variables):
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **variables}
    return process.run([str(python), str(zipapp), *arguments], env=env, cwd=cwd, timeout=120)


def told(done):
    assert done.returncode == EXIT_CODE, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def refused(done, code=4):
    assert done.returncode == code, done.stderr
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("  next: ")
    return first


def tree(home):
    (found,) = home.glob(".cache/ragtrace-zipapp/probe.pyz_*/site-packages")
    return found


def interpreter(version):
    """Return a CPython of this machine by its minor; the test is skipped where there is none."""
    for folder in sorted(Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(f"versions/{version}.*")):
        if (folder / "bin" / "python").is_file():
            return folder / "bin" / "python"
    found = shutil.which(f"python{version}")
    if found and process.run([found, "-c", ""], timeout=30).ok:
        return Path(found)
    pytest.skip(f"no Python {version} on this machine")


# the host


@pytest.mark.index
@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs_on_each_python_with_all_that_it_brings(probe, home, version):
    found = told(start(probe, home, "imports", python=interpreter(version)))
    assert found["uv"] == [str(tree(home) / "bin" / "uv")] * 2
    assert found["cores"] == os.cpu_count()
    assert found["flags"] == [1, True]


@pytest.mark.index
@pytest.mark.parametrize("version", TOO_OLD)
def test_a_python_too_old_is_told_so(probe, home, version):
    python = interpreter(version)
    first = refused(start(probe, home, python=python))
    assert "needs CPython 3.9.2 to 3.14" in first
    assert str(python) in first
    assert list(home.iterdir()) == []


@pytest.mark.index
@pytest.mark.host
def test_a_python_without_its_library_is_told_which_package_to_install(probe, closed_host):
    host = closed_host("bookworm-minimal")
    shutil.copy(probe, host.root / "root" / "probe.pyz")
    done = host.run("python3", "/root/probe.pyz")
    assert "tarfile" in refused(done)
    assert "package python3" in done.stderr


@pytest.mark.index
@pytest.mark.host
@pytest.mark.parametrize("name", ["bullseye", "trixie"])
def test_it_runs_for_an_ordinary_user_of_a_bare_debian(probe, closed_host, name):
    host = closed_host(name)
    shutil.copy(probe, host.root / "tmp" / "probe.pyz")
    done = host.run("python3", "/tmp/probe.pyz", "imports", user="operator")
    assert told(done)["uv"][0].startswith("/home/operator/.cache/ragtrace-zipapp/")


@pytest.mark.index
@pytest.mark.host
def test_a_cache_where_nothing_may_be_executed_is_passed_over(probe, closed_host):
    host = closed_host("bookworm")
    shutil.copy(probe, host.root / "root" / "probe.pyz")
    assert host.run("mount", "-t", "tmpfs", "-o", "noexec", "none", "/mnt").ok
    found = told(host.run("python3", "/root/probe.pyz", "imports", env={"XDG_CACHE_HOME": "/mnt"}))
    assert found["uv"][0].startswith("/root/.cache/ragtrace-zipapp/")
    done = host.run("python3", "/root/probe.pyz", env={"RAGTRACE_CACHE": "/mnt"})
    assert "/mnt/ragtrace-zipapp (execution is not allowed there)" in refused(done)


FACTS = {"platform": "linux", "architecture": "x86_64", "glibc": [2, 17], "suffixes": [".so"]}


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(importlib.machinery, "EXTENSION_SUFFIXES", [".so"])
    monkeypatch.setattr(launch, "glibc", lambda: (2, 17))
    launch.check_host(FACTS)
    return monkeypatch


@pytest.mark.parametrize("suffix", [".cpython-%d%dt-x86_64-linux-gnu.so", ".cp%d%dt-win_amd64.pyd"])
def test_a_free_threaded_build_is_refused(linux, suffix):
    linux.setattr(importlib.machinery, "EXTENSION_SUFFIXES", [suffix % sys.version_info[:2], ".so"])
    with pytest.raises(launch.Refusal, match="free-threaded"):
        launch.check_host(FACTS)


def test_another_platform_architecture_or_c_library_is_refused(linux):
    with pytest.raises(launch.Refusal, match=r"made for windows-x86_64; .* is a Python for linux"):
        launch.check_host({**FACTS, "platform": "windows"})
    with pytest.raises(launch.Refusal, match="made for linux-x86_64"):
        launch.check_host({**FACTS, "suffixes": [".other.so"]})
    for found, shown in (((2, 12), "2.12"), ((0, 0), "none")):
        linux.setattr(launch, "glibc", lambda found=found: found)
        with pytest.raises(launch.Refusal, match=f"glibc 2.17 or later; this host has {shown}"):
            launch.check_host(FACTS)


def test_a_mac_is_told_by_its_machine(linux):
    linux.setattr(sys, "platform", "darwin")
    facts = {**FACTS, "platform": "macos", "glibc": None, "architecture": os.uname().machine}
    launch.check_host(facts)
    with pytest.raises(launch.Refusal, match="made for macos-ppc"):
        launch.check_host({**facts, "architecture": "ppc"})


def test_the_c_library_is_asked_for_its_version(monkeypatch):
    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.36")
    assert launch.glibc() == (2, 36)
    monkeypatch.setattr(os, "confstr", lambda name: None)  # musl
    assert launch.glibc() == (0, 0)


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 15, 0)])
def test_a_python_out_of_range_is_refused(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(launch.Refusal, match=r"3\.9\.2 to 3\.14"):
        launch.check_python()


def test_missing_modules_are_named(monkeypatch):
    monkeypatch.setattr(launch, "MODULES", "json not_there zlib")
    with pytest.raises(launch.Refusal, match="library: not_there missing"):
        launch.check_modules()


@pytest.mark.index
def test_a_refusal_is_in_the_operators_language(probe, home):
    done = start(probe, home, RAGTRACE_CACHE="/proc", LANG="ko_KR.UTF-8")
    assert done.returncode == 4
    assert done.stderr.startswith("오류: ")


# the environment


@pytest.mark.index
def test_nothing_of_the_callers_environment_counts(probe, home, tmp_path):
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("sitecustomize", "usercustomize", "json", "startup", "rich"):
        (evil / f"{name}.py").write_text(f"import sys; sys.exit('{name} was run')")
    planted = tmp_path / "planted"
    variables = {
        "PYTHONSTARTUP": str(evil / "startup.py"),
        "PYTHONINSPECT": "",
        "SHIV_ROOT": str(planted),
        "SHIV_ENTRY_POINT": "platform:main",
        "SHIV_INTERPRETER": "1",
        "SHIV_FORCE_EXTRACT": "1",
        "SHIV_COMPILE_PYC": "1",
        "SHIV_PREPEND_PYTHONPATH": str(evil),
        "SHIV_EXTEND_PYTHONPATH": "1",
        "AN_API_KEY": "secret",
        "RAGTRACE_CACHE_ROOT": str(planted),
        "LC_TIME": "C",
    }
    found = told(start(probe, home, "imports", cwd=evil, **variables))
    assert not planted.exists()
    assert not [name for name in found["env"] if name.startswith(("SHIV_", "PYTHON"))]
    assert "secret" not in json.dumps(found["env"])
    assert {"AN_API_KEY", "SHIV_ROOT", "PYTHONSTARTUP"} <= set(found["env"]["RAGTRACE_CALLER_NAMES"].split(","))
    assert found["env"]["LC_TIME"] == "C"


@pytest.mark.index
def test_pythonpath_is_not_searched(probe, home, tmp_path):
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("rich", "psutil", "probe", "_bootstrap", "bootstrap"):
        (evil / f"{name}.py").write_text(f"import sys; sys.exit('{name} was run')")
    told(start(probe, home, "imports", PYTHONPATH=str(evil)))


@pytest.mark.index
def test_arguments_path_and_exit_code_are_handed_on(probe, home):
    copy = home / "with a space.pyz"
    shutil.copy(probe, copy)
    found = told(start("with a space.pyz", home, "a b", "", "--x=é", cwd=home))
    assert found["argv"] == ["with a space.pyz", "a b", "", "--x=é"]
    assert found["env"]["RAGTRACE_ZIPAPP"] == str(copy)


@pytest.mark.index
def test_the_interpreter_is_run_again_but_where_nothing_has_to_be_cleaned(probe, home):
    def loads_shiv(*flags, **variables):
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **variables}
        done = process.run([sys.executable, "-v", *flags, str(probe)], env=env, timeout=60)
        return "import '_bootstrap'" in done.stderr  # an interpreter that is run again is not verbose

    assert loads_shiv("-I", "-B")
    assert not loads_shiv()
    assert not loads_shiv("-I")
    assert not loads_shiv("-I", "-B", OTHER="1")


def test_variables_that_the_system_adds_are_taken_away_without_a_loop(monkeypatch):
    monkeypatch.setattr(sys, "flags", type("Flags", (), {"isolated": 1, "dont_write_bytecode": 1}))
    monkeypatch.setattr(os, "environ", {"RAGTRACE_ZIPAPP": "/x.pyz", "RAGTRACE_CALLER_NAMES": "A", "__CF": "1"})
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("run again"))
    launch.isolate("/x.pyz")
    assert os.environ == {"RAGTRACE_ZIPAPP": "/x.pyz", "RAGTRACE_CALLER_NAMES": "A"}


def test_where_there_is_no_exec_the_childs_exit_code_is_passed_on(monkeypatch):
    assert launch.wait_for([sys.executable, "-c", "raise SystemExit(7)"], dict(os.environ)) == 7

    class Child:
        answers = iter([KeyboardInterrupt, 130])

        def wait(self):
            answer = next(self.answers)
            if answer is KeyboardInterrupt:
                raise KeyboardInterrupt
            return answer

    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: Child())
    assert launch.wait_for(["x"], {}) == 130


# the cache


def altered(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def extension(tree):
    (found,) = tree.glob("cryptography/hazmat/bindings/_rust*.so")
    return found


DAMAGES = {
    "a planted .pth": lambda tree: (tree / "x.pth").write_text("import os; os._exit(77)\n"),
    "an altered source": lambda tree: (tree / "probe.py").write_text("def main(): return 77\n"),
    "an altered extension module": lambda tree: altered(extension(tree)),
    "a deleted data file": lambda tree: next(tree.glob("rich-*.dist-info/METADATA")).unlink(),
    "a short file": lambda tree: os.truncate(tree / "psutil" / "__init__.py", 10),
    "an extra module": lambda tree: (tree / "zz.py").write_text(""),
    "planted bytecode": lambda tree: (tree / "__pycache__").mkdir() or (tree / "__pycache__/x.pyc").write_bytes(b""),
    "an extra empty folder": lambda tree: (tree / "zz").mkdir(),
    "a symlink": lambda tree: (tree / "probe.py").unlink() or (tree / "probe.py").symlink_to(os.devnull),
    "a missing uv": lambda tree: (tree / "bin" / "uv").unlink(),
    "a short uv": lambda tree: os.truncate(tree / "bin" / "uv", 10),
    "an emptied cache": lambda tree: shutil.rmtree(tree) or tree.mkdir(),
    "a cache without its folder": shutil.rmtree,
    "a linked cache": lambda tree: tree.symlink_to(tree.rename(tree.with_name("moved"))),
}


@pytest.fixture(scope="module")
def warm(probe, tmp_path_factory):
    """A home whose cache is filled; each damage done to it must be undone by the next start."""
    home = tmp_path_factory.mktemp("warm")
    told(start(probe, home))
    return home


@pytest.mark.index
@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_cache_is_built_anew(probe, warm, what):
    with zipfile.ZipFile(probe) as archive:
        files = json.loads(archive.read("digests.json"))["files"]
    site = tree(warm)
    assert cache.damage(str(site.parent), files) is None
    DAMAGES[what](site)
    assert cache.damage(str(site.parent), files) is not None
    told(start(probe, warm))
    assert cache.damage(str(site.parent), files) is None
    assert list((warm / ".cache" / "ragtrace-zipapp").iterdir()) == [site.parent]


@pytest.mark.index
def test_a_warm_start_writes_nothing(probe, warm):
    def state():
        return {path: path.lstat().st_ino for path in (warm / ".cache").rglob("*")}

    before = state()
    told(start(probe, warm, "imports"))
    assert state() == before


@pytest.mark.index
def test_an_altered_uv_is_found_when_it_is_about_to_run(probe, warm):
    uv = tree(warm) / "bin" / "uv"
    good = uv.read_bytes()
    altered(uv)
    assert told(start(probe, warm, "program"))["uv"] == str(uv)
    assert uv.read_bytes() == good
    assert uv.stat().st_mode & 0o777 == 0o755
    told(start(probe, warm))
    assert len(list((warm / ".cache" / "ragtrace-zipapp").iterdir())) == 1


def test_a_program_that_the_zipapp_cannot_give_again_is_an_os_error(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, {"bin/uv": b"good"})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_bytes(b"evil")
    opened = {"zipapp": zipapp, "folder": str(tmp_path), "tree": str(tmp_path), "files": files}
    monkeypatch.setattr(cache, "opened", opened)
    with zipfile.ZipFile(zipapp, "w") as archive:
        archive.writestr("site-packages/bin/uv", b"also evil")
    with pytest.raises(OSError, match="damaged") as caught:
        cache.program("uv")
    assert caught.value.filename == zipapp
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "x.pyz"]
    small_zipapp(tmp_path, {"bin/uv": b"good"})
    assert Path(cache.program("uv")).read_bytes() == b"good"


@pytest.mark.index
def test_two_first_runs_at_once_both_succeed(probe, home):
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    runs = [
        subprocess.Popen([sys.executable, str(probe)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    ended = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    assert [(error, code) for _out, error, code in ended] == [(b"", EXIT_CODE)] * 2
    assert list((home / ".cache" / "ragtrace-zipapp").iterdir()) == [tree(home).parent]


def test_who_builds_second_takes_what_the_first_one_built(tmp_path):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1"})
    cache.build(zipapp, str(tmp_path), "x_0", files)
    before = (tmp_path / "x_0").stat().st_ino
    cache.build(zipapp, str(tmp_path), "x_0", files)
    assert (tmp_path / "x_0").stat().st_ino == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pyz", "x_0"]


def small_zipapp(folder, files):
    path = folder / "x.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"site-packages/{name}", data)
    return str(path), {name: (cache.sha256(data).hexdigest(), len(data), 0o644) for name, data in files.items()}


@pytest.mark.parametrize("change", [{"a.py": ("0" * 64, 1, 0o644)}, {"gone.py": ("0" * 64, 1, 0o644)}])
def test_a_zipapp_whose_bytes_are_not_its_digests_is_refused_and_leaves_nothing(tmp_path, change):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1", "b.py": b"2"})
    with pytest.raises(launch.Refusal, match=r"x\.pyz is damaged") as caught:
        cache.build(zipapp, str(tmp_path), "x_0", {**files, **change})
    assert caught.value.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x.pyz"]


@pytest.mark.index
def test_a_byte_flipped_in_the_zipapp_is_refused(probe, home):
    copy = home / "probe.pyz"
    shutil.copy(probe, copy)
    with zipfile.ZipFile(copy) as archive:
        places = [archive.getinfo(name).header_offset + 200 for name in ("site-packages/bin/uv", "digests.json")]
    for place in places:
        data = bytearray(probe.read_bytes())
        data[place] ^= 0x55
        copy.write_bytes(data)
        assert f"{copy} is damaged" in refused(start(copy, home), 3)
        assert list(home.glob(".cache/ragtrace-zipapp/*")) == []


@pytest.mark.index
def test_a_home_that_cannot_be_written_leaves_the_temporary_folder(probe, tmp_path):
    found = told(start(probe, "/proc/nobody", TMPDIR=str(tmp_path)))
    assert found["env"]["RAGTRACE_CACHE_ROOT"] == str(tmp_path / f"ragtrace-zipapp-{os.geteuid()}")
    assert (tmp_path / f"ragtrace-zipapp-{os.geteuid()}").stat().st_mode & 0o777 == 0o700


@pytest.mark.index
def test_the_cache_that_is_asked_for_is_the_only_one(probe, home, tmp_path):
    found = told(start(probe, home, RAGTRACE_CACHE=str(tmp_path / "given")))
    assert found["env"]["RAGTRACE_CACHE_ROOT"] == str(tmp_path / "given" / "ragtrace-zipapp")
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert str(blocked) in refused(start(probe, home, RAGTRACE_CACHE=str(blocked)))
    assert list(home.iterdir()) == []


def test_a_folder_that_others_could_change_is_refused(tmp_path):
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError, match="not a real folder"):
        cache.private_folder(str(tmp_path / "link"))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(OSError, match="another user could replace it"):
        cache.private_folder(str(tmp_path / "open" / "mine"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o755)
    cache.private_folder(str(tmp_path / "mine"))
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_or_below_one_is_refused(tmp_path):
    (tmp_path / "theirs" / "cache").mkdir(parents=True)
    (tmp_path / "theirs").chmod(0o755)
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(OSError, match="belongs to another user"):
        cache.private_folder(str(tmp_path / "theirs"))
    with pytest.raises(OSError, match="another user could replace it"):
        cache.private_folder(str(tmp_path / "theirs" / "cache"))


def test_a_folder_where_programs_cannot_be_run_is_refused(tmp_path, monkeypatch):
    cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []

    def refuse(argv):
        raise PermissionError(13, "Permission denied", argv[0])

    monkeypatch.setattr(subprocess, "call", refuse)
    with pytest.raises(PermissionError):
        cache.try_execution(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_old_caches_go_but_for_the_newest_and_those_in_use(tmp_path):
    day = 86400
    ages = {"own": 90, "a": 1, "b": 40, "c": 50, "d": 60, "e": 29}
    for letter, age in ages.items():
        folder = tmp_path / f"{letter}.pyz_0123456789abcdef"
        folder.mkdir()
        os.utime(folder, (time.time() - age * day,) * 2)
    for name, age in ((".new-1", 2), (".old-2", 2), (".new-3", 0), ("somebody's", 900)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age * day,) * 2)
    cache.prune(str(tmp_path), "own.pyz_0123456789abcdef")
    left = {path.name.removesuffix(".pyz_0123456789abcdef") for path in tmp_path.iterdir()}
    assert left == {"own", "a", "e", "b", ".new-3", "somebody's"}
