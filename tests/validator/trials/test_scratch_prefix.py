from __future__ import annotations

import os
import stat

import pytest

from installer.layout import seal
from installer.release.installation import active as installed
from installer.userdata import persist
from shared.errors import ToolError
from shared.files import files, trees
from tests.validator.checking import look, release_of
from validator.check import FAIL, UncheckedError
from validator.checks.application.cli import Commands
from validator.trials import scratch_prefix, trial


def test_the_shipped_data_are_there_to_be_tried(prefix) -> None:
    with scratch_prefix.create(installed(prefix)) as scratch:
        shipped = scratch.prefix.root / "current" / "app" / "data" / "질문.csv"
        assert shipped.read_bytes() == (prefix.data / "data" / "질문.csv").read_bytes()
        assert (scratch.prefix.root / "current" / "venv" / "pyvenv.cfg").is_file()


def test_a_state_folder_that_cannot_be_written_is_left_alone(prefix, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    with scratch_prefix.create(installed(prefix)) as scratch:
        assert prefix.root not in scratch.prefix.root.parents


def test_a_user_who_is_not_root_can_try_a_sealed_release_out(prefix, monkeypatch) -> None:
    lead = persist.lead

    def lead_as_a_user(place, folder):
        assert place.parent.stat().st_mode & stat.S_IWUSR, place.parent
        lead(place, folder)

    monkeypatch.setattr(persist, "lead", lead_as_a_user)
    release = release_of(prefix)
    seal.protect(release)
    assert not release.app.stat().st_mode & stat.S_IWUSR
    with scratch_prefix.create(installed(prefix)) as scratch:
        assert (scratch.prefix.root / "current" / "app" / "data").is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="no pipes, and no links to devices")
@pytest.mark.parametrize("lay", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_nothing_is_started_of_a_release_that_no_program_can_read(prefix, lay) -> None:
    release = release_of(prefix)
    assert trial.environment(installed(prefix))
    release.app.chmod(0o755)
    lay(release.app / "waits")
    for start in (trial.environment, lambda given: scratch_prefix.create(given).__enter__()):
        with pytest.raises(UncheckedError, match="app/waits is a special file"):
            start(installed(prefix))  # a run of checks reads the manifest anew


def test_a_run_of_checks_looks_through_a_release_once(prefix, monkeypatch) -> None:
    installation, walked = installed(prefix), []
    entries = trees.entries
    monkeypatch.setattr(trees, "entries", lambda root: walked.append(root) or entries(root))
    for _time in range(3):
        trial.environment(installation)
    assert walked == [str(installation.release.path)]


@pytest.mark.parametrize("lost", ["launch.py", "run.json", "app"])
def test_half_a_release_cannot_be_tried_out(prefix, lost) -> None:
    installation = installed(prefix)
    files.remove_tree(installation.release.path / lost)
    with (
        pytest.raises(ToolError, match=f"cannot be tested: .*{lost}"),
        scratch_prefix.create(installation),
    ):
        pass
    assert look(Commands, prefix).status == FAIL
    assert not list(prefix.state.glob(".trial-*"))


def test_folders_that_take_links_are_as_read_only_as_before(prefix) -> None:
    release = release_of(prefix)
    with scratch_prefix.create(installed(prefix)) as scratch:
        assert (scratch.prefix.root / "current" / "app").stat().st_mode == release.app.stat().st_mode


def test_no_settings_of_the_user_are_found_in_the_folders_above(prefix) -> None:
    # as python-dotenv looks for them
    prefix.env_file.write_text("DEMO_API_KEY=the user's own")
    with scratch_prefix.create(installed(prefix)) as scratch:
        above = (scratch.prefix.root / "current" / "app").resolve().parents
        found = next(folder / ".env" for folder in above if (folder / ".env").is_file())
        assert found.read_text() == ""
