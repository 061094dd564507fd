"""What the launcher takes away and hands on, and what it says when it stops."""

from __future__ import annotations

import importlib.machinery
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from bootstrap import launch
from bootstrap.launch import cache, words
from bootstrap.launch.words import Refusal
from bundle.target import host_target
from shared.processes import process
from tests.bootstrap.launch.starts import EXIT_CODE, interpreter, small_zipapp, start, told


@pytest.mark.index
def test_a_refusal_is_in_the_operators_language(probe, home):
    done = start(probe, home, RAGTRACE_CACHE="/proc", LANG="ko_KR.UTF-8")
    assert done.returncode == 4
    assert done.stderr.startswith("오류: ")


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
    for name in ("rich", "psutil", "probe", "_bootstrap", "bootstrap", "installer", "bundle", "shared"):
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


@pytest.mark.index
@pytest.mark.parametrize("flags", [(), ("-I", "-B")])
@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_the_program_that_the_environment_names_as_the_interpreter_does_not_run(probe, home, tmp_path, version, flags):
    ran, python = tmp_path / "ran", interpreter(version)
    stranger = tmp_path / "python"
    stranger.write_text(f"#!/bin/sh\ntouch {ran}\nexit {EXIT_CODE}\n")
    stranger.chmod(0o755)
    env = {"HOME": str(home), "LANG": "C.UTF-8", "__PYVENV_LAUNCHER__": str(stranger)}
    if flags:
        env["RAGTRACE_ZIPAPP"] = str(probe)  # says that all is clean already
    found = told(process.run([str(python), *flags, str(probe)], env=env, timeout=60))
    assert os.path.samefile(found["executable"], python)
    assert "__PYVENV_LAUNCHER__" not in found["env"]
    assert not ran.exists()


def test_variables_that_the_system_adds_are_taken_away_without_a_loop(monkeypatch):
    monkeypatch.setattr(sys, "executable", sys.executable)
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


# in this very process


class Loader:
    """What zipimport gives a module of a zip: the archive's path, and its members."""

    def __init__(self, archive):
        self.archive = archive

    def get_data(self, name):
        with zipfile.ZipFile(self.archive) as archive:
            try:
                return archive.read(name)
            except KeyError as error:
                raise OSError(name) from error


@pytest.fixture
def isolated(monkeypatch):
    """Run the launcher as in an interpreter under -I -B."""
    flags = {name: getattr(sys.flags, name) for name in sys.flags.__match_args__}  # what imports ask for too
    monkeypatch.setattr(sys, "flags", SimpleNamespace(**{**flags, "isolated": 1, "dont_write_bytecode": 1}))
    monkeypatch.setattr(sys, "executable", sys.executable)
    return monkeypatch


@pytest.fixture
def zipapp(isolated, tmp_path):
    """Give a zipapp of one file, its launcher in this process; ``facts`` of it may be changed."""
    path, files = small_zipapp(tmp_path, {"a.py": b"1"})
    here = host_target()
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    facts = {"build_id": "0123456789abcdef", "files": files, "suffixes": suffixes, "glibc": None}
    facts.update(platform=here.platform, architecture=here.architecture)
    environment = {"RAGTRACE_ZIPAPP": path, "RAGTRACE_CACHE": str(tmp_path / "cache"), "LANG": "C.UTF-8"}
    isolated.setattr(os, "environ", environment)
    isolated.setattr(launch, "__loader__", Loader(path))
    isolated.setattr(words, "__loader__", Loader(path))
    isolated.setattr(cache, "opened", {})

    def made(facts=facts, ended=lambda: None):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("digests.json", json.dumps(facts))
        isolated.setitem(sys.modules, "_bootstrap", SimpleNamespace(bootstrap=ended))
        return path

    return SimpleNamespace(made=made, facts=facts, folder=tmp_path)


def test_it_hands_over_once_the_cache_is_right(zipapp):
    handed = []
    path = zipapp.made(ended=lambda: handed.append(dict(cache.opened)))
    launch.run()
    (opened,) = handed
    assert opened["zipapp"] == path
    assert (zipapp.folder / "cache" / cache.LEAF / "x.pyz_0123456789abcdef/site-packages/a.py").read_bytes() == b"1"
    assert opened["folder"] == os.environ["RAGTRACE_CACHE_ROOT"] == str(zipapp.folder / "cache" / cache.LEAF)


def test_a_refusal_says_what_and_what_next_and_ends_with_its_code(zipapp, capsys):
    zipapp.made({**zipapp.facts, "platform": "beos"}, ended=lambda: pytest.fail("started"))
    with pytest.raises(SystemExit) as ended:
        launch.run()
    assert ended.value.code == 4
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error: This installer is built for beos")
    assert second.startswith("  next: Transfer")


def test_a_zipapp_that_lost_its_digests_is_damaged(zipapp, capsys):
    with pytest.raises(SystemExit) as ended:
        launch.run()
    assert ended.value.code == 3
    assert "x.pyz is damaged: digests.json" in capsys.readouterr().err


def test_ctrl_c_ends_without_a_traceback(zipapp, capsys):
    def interrupted():
        raise KeyboardInterrupt

    zipapp.made(ended=interrupted)
    with pytest.raises(SystemExit) as ended:
        launch.run()
    assert ended.value.code == 130
    assert capsys.readouterr().err == ""


class RunAgainError(Exception):
    """The interpreter would be replaced."""


def replaced(*call):
    raise RunAgainError(*call)


@pytest.mark.parametrize(
    ("isolated", "no_bytecode", "environment"), [(0, 1, {}), (1, 0, {}), (1, 1, {"SECRET": "x", "PYTHONPATH": "/evil"})]
)
def test_the_interpreter_is_run_again_with_what_is_allowed(monkeypatch, isolated, no_bytecode, environment):
    monkeypatch.setattr(sys, "flags", SimpleNamespace(isolated=isolated, dont_write_bytecode=no_bytecode))
    monkeypatch.setattr(sys, "argv", ["x.pyz", "verify"])
    monkeypatch.setattr(os, "environ", {"LANG": "C", "lc_all": "C", **environment})
    monkeypatch.setattr(os, "execve", replaced)
    with pytest.raises(RunAgainError) as again:
        launch.isolate("/x.pyz")
    names = ",".join(sorted(environment))
    expected = {"LANG": "C", "lc_all": "C", "RAGTRACE_ZIPAPP": "/x.pyz", "RAGTRACE_CALLER_NAMES": names}
    own = getattr(sys, "_base_executable")  # noqa: B009 - no name for types
    assert again.value.args == (own, [own, "-I", "-B", "x.pyz", "verify"], expected)


def test_windows_waits_for_the_child_instead(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(launch, "wait_for", lambda command, environment: 7 if "-I" in command else 0)
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        with pytest.raises(SystemExit) as ended:
            launch.isolate("/x.pyz")
    assert ended.value.code == 7


def test_an_interpreter_that_does_not_know_its_path_is_refused(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "_base_executable", "")
    with pytest.raises(Refusal, match="Cannot determine the path"):
        launch.isolate("/x.pyz")


# the operator's language


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"RAGTRACE_LANG": "ko", "LANG": "de_DE"}, "ko"),
        ({"LC_ALL": "", "LC_MESSAGES": "ko_KR.UTF-8", "LANG": "C"}, "ko"),
        ({"LANG": "ko.UTF-8"}, "ko"),
        ({}, "en"),
    ],
)
def test_the_language_is_the_environments(monkeypatch, environment, code):
    monkeypatch.setattr(os, "environ", environment)
    assert words.language() == code


@pytest.mark.parametrize(("identifier", "code"), [(0x0412, "ko"), (0xFFFF, "en")])
def test_the_language_of_windows_is_asked_for(monkeypatch, identifier, code):
    import ctypes

    kernel = SimpleNamespace(GetUserDefaultUILanguage=lambda: identifier)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(os, "environ", {})
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        assert words.language() == code


def test_a_sentence_is_looked_up_in_the_zipapps_own_catalogue(monkeypatch, tmp_path):
    messages = Catalog("ko")
    messages.add("error: {what}", "오류: {what}")
    korean = "site-packages/shared/locale/ko/LC_MESSAGES/ragtrace.mo"
    with zipfile.ZipFile(tmp_path / "x.pyz", "w") as archive, archive.open(korean, "w") as file:
        write_mo(file, messages)
    monkeypatch.setattr(words, "__loader__", Loader(tmp_path / "x.pyz"))
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    assert words._("error: {what}") == "오류: {what}"
    monkeypatch.setenv("RAGTRACE_LANG", "xx")
    assert words._("error: {what}") == "error: {what}"


def test_a_refusal_that_nobody_can_read_is_no_failure_of_its_own(monkeypatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    launch.tell("error: this")
    assert sys.stderr is None
    launch.tell("  next: that")  # and of no stream at all
