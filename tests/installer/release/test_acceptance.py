from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from installer.release import acceptance
from installer.release.installation import active
from shared.errors import HostError, InstallError
from shared.processes import cgroups, process, scripts
from shared.processes.beside import Beside
from shared.terminal.progress import NoProgress

MODULE = """
import atexit
from pathlib import Path
atexit.register(Path("taken-apart").touch)
print("imported")
"""


@pytest.mark.parametrize("at_once", [True, False])
def test_imports_end_at_once_where_that_is_asked_for_and_answer_all_the_same(tmp_path, at_once) -> None:
    (tmp_path / "lasting.py").write_text(MODULE)
    names = json.dumps(["lasting", "no_such_module"])
    argv = [sys.executable, "-c", acceptance.IMPORT, names, *([acceptance.AT_ONCE] if at_once else [])]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    answer = json.loads(scripts.answer(ended.stdout) or "")
    assert [name for name, (_seconds, reason) in answer.items() if reason] == ["no_such_module"]
    assert (tmp_path / "taken-apart").exists() == (not at_once)


SLOW = "import time\nfrom pathlib import Path\nPath('began').touch()\ntime.sleep(600)\n"


@pytest.fixture
def environment(prefix):
    """An installation whose modules can be imported, with a module that never ends."""
    installed = active(prefix)
    for folder in (installed.release.app, installed.release.path):
        folder.chmod(0o755)
    (installed.release.app / "endless.py").write_text(SLOW)
    return installed


@pytest.mark.parametrize("room", [True, False])
def test_the_rest_is_imported_beside_the_core_modules_only_where_two_have_room(monkeypatch, environment, room) -> None:
    seen = []
    monkeypatch.setattr(cgroups, "has_room", lambda _processors, _memory: room)
    monkeypatch.setattr(acceptance, "compile_imports", lambda _installation, _core, names: seen.append(names))
    with acceptance.compiling_imports(environment, ["later"], NoProgress()):
        before = list(seen)
    assert seen == [["later"]]
    assert room or before == []


def test_what_cannot_be_imported_beside_them_is_imported_afterwards(monkeypatch, environment) -> None:
    seen = []

    def refuse_the_first(_installation, _core, _names) -> None:
        seen.append(threading.current_thread() is threading.main_thread())
        if len(seen) == 1:
            raise HostError("no more processes")

    monkeypatch.setattr(cgroups, "has_room", lambda _processors, _memory: True)
    monkeypatch.setattr(acceptance, "compile_imports", refuse_the_first)
    with acceptance.compiling_imports(environment, ["later"], NoProgress()):
        pass
    assert seen == [False, True]


@pytest.mark.parametrize("while_waiting", [False, True])
def test_a_failure_ends_the_import_of_the_rest(monkeypatch, environment, while_waiting) -> None:
    monkeypatch.setattr(cgroups, "has_room", lambda _processors, _memory: True)
    monkeypatch.setattr(acceptance, "IMPORT_TIMEOUT", 20.0)
    began, run, ended = environment.release.app / "began", process.run, []
    monkeypatch.setattr(process, "run", lambda *argv, **options: ended.append(run(*argv, **options)))

    def fail_once_it_runs(*_arguments) -> None:
        while not began.exists():
            os.sched_yield()
        raise InstallError("no")

    inside = fail_once_it_runs
    if while_waiting:  # as Ctrl-C does, when the core modules are imported already
        monkeypatch.setattr(Beside, "succeeded", fail_once_it_runs)
        inside = began.exists
    with pytest.raises(InstallError, match="no"), acceptance.compiling_imports(environment, ["endless"], NoProgress()):
        inside()
    assert [one.timed_out for one in ended] == [False]
