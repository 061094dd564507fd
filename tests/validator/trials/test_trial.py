from __future__ import annotations

from dataclasses import replace

from installer.release.installation import active as installed
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, snapshot
from validator.check import PASS
from validator.checks.application.cli import Commands
from validator.trials import trial


def test_what_a_command_writes_never_reaches_the_user(tmp_path) -> None:
    prefix = make_prefix(tmp_path, application=replace(APPLICATION, smoke=(("demo", "note", "hello"),)))
    (prefix.data / "data" / "notes.txt").write_text("the user's own")
    before = snapshot(prefix.root)
    assert look(Commands, prefix).status == PASS
    assert snapshot(prefix.root) == before
    assert (prefix.data / "data" / "notes.txt").read_text() == "the user's own"
    assert not list(prefix.state.glob(".trial-*"))


def test_every_command_in_bin_starts(prefix) -> None:
    # the tool's own reads files of the release that no other does; without them the shell says "Permission denied"
    installation = installed(prefix)
    change(installation.release.bundle / "ragtrace-install.pyz", b"import sys; print('the tool', *sys.argv[1:])\n")
    application = {launcher.name for launcher in installation.manifest.application.launchers}
    (tool,) = {path.name for path in prefix.bin.iterdir()} - application
    ended = trial.run_launcher(installation, (tool, "status"), timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "the tool status\n", "")
    for name in application:
        assert trial.run_launcher(installation, (name, "--help"), timeout=60).ok


def test_where_nothing_can_be_executed_commands_are_tried_all_the_same(prefix) -> None:
    # as on a host whose temporary folder is mounted noexec, for a user who may only look
    (prefix.bin / "demo").chmod(0o644)
    assert trial.run_launcher(installed(prefix), ("demo", "--help"), timeout=60).ok
