"""A rollback to a release that is damaged: made anew from what is kept, or refused with the reason."""

from __future__ import annotations

import shutil

import pytest

from installer.change import retention, transaction
from installer.install import rollback
from installer.logs import audit_log
from installer.release import receipt
from installer.release.sealing import intact
from installer.trust.authority import HOST, Authority
from installer.trust.stores import host_trust_stores
from installer.userdata import userdata
from recovery import rebuild_for_rollback
from recovery.inspection.release_to_repair import release_to_repair
from shared.errors import HostError
from shared.files import files
from shared.terminal.progress import NoProgress
from tests.helpers import install_opened
from tests.tiny import COUNTER, tiny_bundle
from tests.validator.checking import look
from validator.check import WARN
from validator.checks.application.former import PreviousReleases


def test_a_rollback_that_was_killed_before_it_was_logged_counts_where_current_is_lost(host, upgraded, monkeypatch):
    def killed(*_given, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(audit_log, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            rollback.rollback(host.prefix, NoProgress())
    assert host.prefix.active() == upgraded
    host.prefix.current.unlink()
    assert release_to_repair(host.prefix) == upgraded


@pytest.fixture
def upgraded(host, tmp_path):
    """Give the host a newer release; return the former one."""
    first = host.release
    newer = tiny_bundle(
        tmp_path / "newer",
        counter=COUNTER + 1,
        version="2.0.0",
        packages={"tiny-text": ("0.4.0", {"tiny_text/__init__.py": "def words(text):\n    return [text]\n"})},
        key=host.tiny.key.with_suffix(""),
    )
    install_opened(newer.open(), host.prefix)
    return first


def roll_back(host):
    goal = rollback.Goal(rebuild=rebuild_for_rollback.rebuilding(host_trust_stores()))
    return rollback.rollback(host.prefix, NoProgress(), goal)


def damage(path):
    path.chmod(0o644)
    path.write_text("changed\n")


@pytest.mark.parametrize("left", ["all but its mark", "a link for its mark", "nothing"])
def test_one_that_lost_its_mark_stays_with_what_it_needs_and_is_made_anew(host, upgraded, left, monkeypatch) -> None:
    authority = Authority(host.tiny.policy, HOST)
    monkeypatch.setattr(rebuild_for_rollback, "find_authority", lambda _places, _keys: authority)
    upgraded.path.chmod(0o755)
    upgraded.complete_file.unlink()
    if left == "nothing":
        files.remove_tree(upgraded.path)
    elif left == "a link for its mark":
        upgraded.complete_file.symlink_to("nothing")
    stored = sorted(host.prefix.store.rglob("*"))
    transaction.resolve_interrupted(host.prefix)
    assert host.recover().applied is False
    assert sorted(host.prefix.store.rglob("*")) == stored
    found = look(PreviousReleases, host.prefix)
    assert (found.status, found.evidence) == (WARN, {"release": upgraded.id})
    done = roll_back(host)
    assert done.active == upgraded.id.replace("-r1", "-r2")
    assert receipt.compare(host.release, receipt.read_receipt(host.release)) == []
    assert intact.damage(host.prefix, host.release) == ""
    assert not upgraded.path.exists()


@pytest.mark.parametrize("what", ["file", "receipt"])
def test_a_damaged_one_is_made_anew_with_the_data_that_wait_for_it(host, upgraded, what, monkeypatch) -> None:
    authority = Authority(host.tiny.policy, HOST)
    monkeypatch.setattr(rebuild_for_rollback, "find_authority", lambda _places, _keys: authority)
    damage({"file": upgraded.app / "app.py", "receipt": upgraded.receipt_file}[what])
    aside, newest = userdata.set_aside(host.prefix, upgraded), host.release
    shutil.copytree(host.prefix.data, aside)
    (aside / "data" / "notes.txt").write_text("of the former\n")
    done = roll_back(host)
    assert done.active == upgraded.id.replace("-r1", "-r2")
    assert [gone.release for gone in done.collected.gone] == [upgraded.id]
    assert receipt.compare(host.release, receipt.read_receipt(host.release)) == []
    assert host.answer() == [5.0, 0.5]
    assert (host.prefix.data / "data" / "notes.txt").read_text() == "of the former\n"
    assert retention.previous(host.prefix) == newest
    assert roll_back(host).active == newest.id


def test_one_that_cannot_be_made_anew_is_refused_and_nothing_changes(host, upgraded) -> None:
    damage(upgraded.app / "app.py")
    lost = next(entry for entry in upgraded.manifest().of_kind("wheel") if "tiny_text" in entry.path)
    (host.prefix.store / lost.sha256[:2] / lost.sha256).unlink()
    active = host.release
    with pytest.raises(HostError, match=r"is damaged and was not activated: missing or damaged: app/app\.py") as caught:
        roll_back(host)
    assert lost.path in caught.value.advice
    assert host.release == active


def test_a_rollback_by_the_engine_alone_refuses_it(host, upgraded) -> None:
    damage(upgraded.app / "app.py")
    with pytest.raises(HostError, match="is damaged and was not activated"):
        rollback.rollback(host.prefix, NoProgress())
