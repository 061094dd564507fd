"""What real commands do, in their order, is what the model allows; and the model is particular."""

from __future__ import annotations

import pytest

from installer.change import transaction
from installer.install import rollback
from installer.layout.prefix import Prefix
from installer.release import acceptance
from recovery.recover import recover
from shared.errors import InstallError
from tests.helpers import QUIET, install
from tests.hosts import needs
from tests.installer.change.test_migration import migrating
from tests.protocol import spin
from tests.protocol.recorder import Recorder
from tests.tiny import COUNTER, tiny_bundle

OLD, NEW, NEXT = 0, 1, 2  # versions: layout 1, then two of layout 2


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    first = tiny_bundle(folder / "first")
    return [first, *(migrating(folder / str(more), first, counter=COUNTER + more) for more in (1, 2))]


@pytest.fixture
def prefix(versions, tmp_path):
    prefix = Prefix(tmp_path / "prefix")
    install(versions[OLD], prefix)
    (prefix.data / "data/notes.txt").write_text("theirs")
    return prefix


@pytest.fixture
def recorder(prefix, monkeypatch):
    return Recorder(monkeypatch, prefix)


def follows(tmp_path, steps, commands, crashes=0, **more):
    """Tell whether the model can do these steps, and nothing between them."""
    with needs.or_skip():
        found = spin.check(tmp_path / "spin", trace=steps, COMMANDS=commands, CRASHES=crashes, DAMAGE=1, **more)
    assert not found.broken or spin.ALLOWED in found.broken, found.broken
    return bool(found.broken)


def test_an_upgrade_with_its_data_a_rollback_and_the_way_forward(versions, prefix, recorder, tmp_path):
    install(versions[NEW], prefix)
    rollback.rollback(prefix, QUIET)
    rollback.rollback(prefix, QUIET)
    assert recorder.steps.count("SWAP_IN") == 3
    assert follows(tmp_path, recorder.steps, 3)


def test_what_is_not_needed_any_more_is_collected(versions, prefix, recorder, tmp_path):
    install(versions[NEW], prefix)
    install(versions[NEXT], prefix)
    assert recorder.steps[-3:] == ["UNMARK", "REMOVE", "JOURNAL_WRITE"]
    assert follows(tmp_path, recorder.steps, 2)


def test_a_repair(prefix, recorder, tmp_path):
    module = next(prefix.active().site_packages("3.11").parent.parent.rglob("tiny_lib/more.py"))
    module.chmod(0o644)
    module.write_text("changed")
    recover(prefix, lambda plan: True, QUIET)
    assert "FILL_STORE" not in recorder.steps
    assert follows(tmp_path, recorder.steps, 1)


def test_a_release_that_does_not_work_goes_with_its_data(versions, prefix, recorder, tmp_path, monkeypatch):
    def broken(*_given):
        raise InstallError("it does not answer")

    monkeypatch.setattr(acceptance, "check_health", broken)
    with pytest.raises(InstallError):
        install(versions[NEW], prefix)
    assert recorder.steps.count("SET_CURRENT") == 2
    assert "SWAP_OUT" in recorder.steps
    assert follows(tmp_path, recorder.steps, 1)


@pytest.mark.parametrize(
    "last", ["FILL_STORE", "MARK_COMPLETE", "SWAP_IN", "SET_CURRENT", "KEEP_PREVIOUS", "REMEMBER_PREVIOUS"]
)
def test_a_command_that_is_killed_and_the_next_one(versions, prefix, recorder, tmp_path, last):
    with recorder.killed_after(last):
        install(versions[NEW], prefix)
    transaction.resolve_interrupted(prefix)
    assert follows(tmp_path, recorder.steps, 1, crashes=1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("JOURNAL_WRITE", "SET_CURRENT"), "a switch to nothing"),
        (("FILL_STORE",), "no journal"),
        (("JOURNAL_WRITE", "FILL_STORE", "STAGE_ENVIRONMENT", "MARK_COMPLETE"), "a mark without a sync"),
    ],
)
def test_the_model_does_not_follow_what_is_wrong(tmp_path, wrong, why):
    assert not follows(tmp_path, wrong, 1, START=2), why
