"""What the launcher takes away and hands on, and what it says when it stops."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from bootstrap import launch, process
from tests.bootstrap.launch.starts import start, told


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
