from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.product.application import Launcher
from installer.release import launchers
from installer.userdata import persist
from shared.terminal.progress import NoProgress
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, look_all, release_of, snapshot
from validator.check import FAIL, OPERATOR, PASS, SKIP, WARN
from validator.checks.application.cli import Commands
from validator.remedy import decide_remedies
from validator.result import Repair
from validator.runner import results_of
from validator.subject import subject_of


def test_smoke_commands_work_with_placeholders(prefix, monkeypatch) -> None:
    monkeypatch.delenv("DEMO_API_KEY", raising=False)
    result = look(Commands, prefix)
    assert (result.status, result.check_name) == (PASS, "Command demo --help")


def test_a_command_that_ends_badly_fails_with_its_last_line(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"import sys\nsys.exit('the database is gone')\n")
    result = look(Commands, prefix)
    assert result.status == FAIL
    assert "exited with code 1: the database is gone" in result.details


def test_a_launcher_that_is_missing_fails(prefix) -> None:
    (prefix.bin / "demo").unlink()
    scripts, command = look_all(Commands, prefix)
    assert (scripts.status, command.status) == (FAIL, FAIL)
    assert "demo" in scripts.details
    assert "bin/demo" in command.details


def test_a_command_that_hangs_is_stopped(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"import time\ntime.sleep(60)\n")
    result = look(Commands, prefix, limit=0.5)
    assert result.status == FAIL
    assert "timed out" in result.details


def test_no_smoke_command_is_skipped(tmp_path) -> None:
    prefix = make_prefix(tmp_path, application=replace(APPLICATION, smoke=()))
    assert look(Commands, prefix).status == SKIP


def test_where_no_links_can_be_made_nothing_was_tried(prefix, monkeypatch) -> None:
    def refuse(_place, _folder):
        raise OSError(50, "The request is not supported")

    monkeypatch.setattr(persist, "lead", refuse)
    result = look(Commands, prefix)
    assert result.status == SKIP
    assert "not supported" in result.details


def test_a_prefix_where_the_tool_has_the_application_s_name_says_so(tmp_path, monkeypatch) -> None:
    """As installers left it that called the tool ``ragtrace`` whatever the application's commands are."""
    named = replace(APPLICATION, launchers=(Launcher("ragtrace", "script", "app.py"),), smoke=())
    prefix = make_prefix(tmp_path, application=named, probe=None)
    assert [result.status for result in look_all(Commands, prefix)] == [SKIP]
    monkeypatch.setattr(launchers, "knows_the_command", lambda _zipapp: False)
    launchers.write(prefix, release_of(prefix).manifest())
    shadowed, skipped = look_all(Commands, prefix)
    assert (shadowed.status, skipped.status) == (WARN, SKIP)
    assert shadowed.details.startswith(f"{prefix.bin / launchers.file_name('ragtrace')} starts the installer's tool")


def test_offline_commands_are_tried_in_the_users_folder_without_touching_it(tmp_path) -> None:
    program = "import sys\nopen(sys.argv[1], 'w').write('x')\n"
    more = (*APPLICATION.launchers, Launcher("write", "program", "write.py", (), "data", program))
    commands = (("write", "report.txt"), ("write", "nowhere/report.txt"))
    application = replace(APPLICATION, launchers=more, smoke=(), offline_commands=commands)
    prefix = make_prefix(tmp_path, application=application)
    before = snapshot(prefix.root)
    good, bad = look_all(Commands, prefix)
    assert (good.status, good.check_name) == (PASS, "Command write report.txt")
    assert (bad.status, "No such file or directory" in bad.details) == (FAIL, True)
    assert snapshot(prefix.root) == before


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        ("print('usage')", PASS, "works"),
        ("import time; time.sleep(60)", WARN, "timed out after"),
        ("import sys; sys.exit('no such option: --help')", WARN, "exited with code 1: no such option: --help"),
        ("import no_such_module", FAIL, "No module named 'no_such_module'"),
        ("import os; os.kill(os.getpid(), 11)", FAIL, "SIGSEGV"),
    ],
)
def test_a_command_that_is_asked_for_help_fails_only_by_a_crash(tmp_path, program, status, said) -> None:
    application = replace(APPLICATION, smoke=(), offline_commands=(("demo", "--help"),))
    prefix = make_prefix(tmp_path, application=application)
    change(release_of(prefix).app / "app.py", program.encode())
    damaged = subject_of(prefix)
    (result,) = results_of(Commands(2.0), damaged)
    assert (result.status, said in result.details) == (status, True), result.details
    if status == PASS:
        return
    intact = replace(damaged, foresee=lambda: Repair(frozenset(), frozenset()))
    (settled,) = decide_remedies([result], intact, NoProgress())
    assert (settled.remedy, settled.command, "bundle" in settled.suggestion) == (OPERATOR, "", True)
    assert "recover" not in settled.suggestion
    assert " recover " in decide_remedies([result], damaged, NoProgress())[0].command
