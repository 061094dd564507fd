"""What is told of the past, and what an uninstallation leaves."""

from __future__ import annotations

import json

import pytest

from installer.logs import audit_log
from tests.reliability import world as worlds


def log(prefix, *words):
    return worlds.run(["audit-log", *words, "--prefix", str(prefix.root)])


@pytest.fixture
def prefix(world, place):
    return world.start(worlds.ROLLBACK, place)


def test_verify_says_whether_an_outside_head_vouches_for_the_chain(prefix):
    head = audit_log.head(prefix)
    said = log(prefix, "verify")
    assert said.code == 0
    assert head in said.out
    assert "unanchored" in said.out
    said = log(prefix, "verify", "--head", head[:16])
    assert said.code == 0
    assert "unanchored" not in said.out
    audit_log.append(prefix, "test", "done")
    assert log(prefix, "verify", "--head", head).code == 0  # an earlier head, of a log that has grown since


def test_a_changed_removed_or_remade_line_is_found(prefix):
    head, path = audit_log.head(prefix), audit_log.log_file(prefix)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 2
    path.write_bytes(whole.replace(b'"install"', b'"nothing"', 1))
    assert log(prefix, "verify").code == 3
    path.write_bytes(lines[1])
    assert log(prefix, "verify").code == 3
    path.write_bytes(lines[0])  # its end cut off: a whole chain, but not that of the head
    assert log(prefix, "verify").code == 0
    assert log(prefix, "verify", "--head", head).code == 3
    path.write_bytes(b"nonsense\n" + whole)
    assert log(prefix, "verify").code == 3


@pytest.mark.parametrize("torn", [b'{"action": "roll', b"\0" * 700, b"x" * 70_000])
def test_a_line_that_a_crash_cut_short_is_replaced_by_the_next(prefix, torn):
    path, head = audit_log.log_file(prefix), audit_log.head(prefix)
    with path.open("ab") as file:
        file.write(torn)
    assert audit_log.head(prefix) == head
    assert log(prefix, "verify", "--head", head).code == 0
    audit_log.append(prefix, "test", "done")
    assert [entry["action"] for entry in audit_log.entries(prefix)] == ["install", "install", "test"]
    assert log(prefix, "verify", "--head", head).code == 0


def test_a_log_that_is_all_torn_begins_anew(prefix):
    path = audit_log.log_file(prefix)
    path.write_bytes(b"torn")
    audit_log.append(prefix, "test", "done")
    assert log(prefix, "verify").code == 0


def test_show_and_export(prefix, tmp_path):
    shown = json.loads(log(prefix, "show", "--json").out)["entries"]
    assert [entry["outcome"] for entry in shown] == ["done", "done"]
    assert log(prefix, "export", str(tmp_path / "log")).code == 0
    assert (tmp_path / "log").read_bytes() == audit_log.log_file(prefix).read_bytes()
    assert log(prefix, "export").code == 2
    for wrong in ("xyz", "0" * 64, "ab" * 7):
        assert log(prefix, "verify", "--head", wrong).code == 2


def test_history_tells_what_was_done_and_what_is_there(prefix):
    worlds.tell(["rollback", "--prefix", str(prefix.root)])
    events = json.loads(worlds.tell(["history", "--json", "--prefix", str(prefix.root)]).out)["events"]
    assert [(event["action"], event["version"], event["state"]) for event in events] == [
        ("install", "1.0.0", "active"),
        ("install", "2.0.0", "kept"),
        ("rollback", "1.0.0", "active"),
    ]
    assert all(event["signers"][0].startswith("SHA256:") for event in events)
    audit_log.log_file(prefix).unlink()
    events = json.loads(worlds.tell(["history", "--json", "--prefix", str(prefix.root)]).out)["events"]
    assert sorted(event["version"] for event in events) == ["1.0.0", "2.0.0"]


def test_uninstall_asks_and_leaves_what_is_the_users(world, prefix):
    before = worlds.users(prefix)
    said = worlds.run(["uninstall", "--prefix", str(prefix.root)])
    assert said.code == 2
    assert "--yes" in said.err
    assert prefix.active() is not None
    worlds.tell(["uninstall", "--yes", "--prefix", str(prefix.root)])
    assert {path.name for path in prefix.root.iterdir()} == {"data", ".env", "backups", "state"}
    assert [path.name for path in prefix.state.iterdir()] == ["audit"]
    assert worlds.users(prefix) == before
    worlds.tell(world.argv(worlds.UPGRADE, prefix.root))  # the folder is taken again, with what is in it
    assert (prefix.root / ".env").read_bytes() == worlds.SETTINGS


def test_the_audit_log_outlives_an_uninstallation_and_goes_on_with_the_next(world, prefix):
    reported = json.loads(worlds.tell(["uninstall", "--yes", "--json", "--prefix", str(prefix.root)]).out)
    assert str(prefix.audit) in reported["stays"]
    checked = worlds.tell(["audit-log", "verify", "--head", reported["audit_head"], "--prefix", str(prefix.root)])
    assert "anchored" in checked.out
    events = json.loads(worlds.tell(["history", "--json", "--prefix", str(prefix.root)]).out)["events"]
    assert [(event["action"], event["outcome"]) for event in events[-2:]] == [
        ("uninstall", "begun"),
        ("uninstall", "done"),
    ]

    worlds.tell(world.argv(worlds.INSTALL, prefix.root))
    checked = worlds.tell(["audit-log", "verify", "--head", reported["audit_head"], "--prefix", str(prefix.root)])
    assert "anchored" in checked.out
    events = json.loads(worlds.tell(["history", "--json", "--prefix", str(prefix.root)]).out)["events"]
    installed = [event for event in events if event["action"] == "install"]
    # the same name, and the first one is gone all the same
    assert (installed[0]["release"], installed[0]["state"]) == (installed[-1]["release"], "")
    assert installed[-1]["state"] == "active"


def test_what_an_uninstallation_left_is_named_and_can_be_purged(prefix):
    where = ["--prefix", str(prefix.root)]
    worlds.tell(["uninstall", "--yes", *where])
    again = worlds.run(["uninstall", "--yes", *where])
    assert again.code == 4
    assert "data, .env, backups, state/audit" in again.err
    assert "uninstall --purge" in again.err
    assert worlds.run(["status", *where]).code == 4
    reported = json.loads(worlds.tell(["uninstall", "--purge", "--yes", "--json", *where]).out)
    assert reported["stays"] == []
    assert not prefix.root.exists()
    assert worlds.run(["uninstall", "--purge", "--yes", *where]).code == 4


def test_purge_tells_of_backups_that_lie_elsewhere(prefix, tmp_path):
    elsewhere = tmp_path / "backups"
    prefix.backups.rename(elsewhere)
    (elsewhere / "kept").mkdir()
    prefix.backups.symlink_to(elsewhere)
    reported = json.loads(worlds.tell(["uninstall", "--purge", "--yes", "--json", "--prefix", str(prefix.root)]).out)
    assert reported["stays"] == [str(elsewhere)]
    assert (elsewhere / "kept").is_dir()


def test_purge_leaves_nothing(prefix):
    worlds.tell(["uninstall", "--purge", "--yes", "--prefix", str(prefix.root)])
    assert not prefix.root.exists()


def test_a_removed_installation_does_not_stand_beside_another(prefix, monkeypatch, tmp_path):
    """A command without --prefix means the one that is installed; what is left of one counts for --purge alone."""
    from installer.layout.location.finding import find_prefix
    from installer.layout.prefix import Prefix
    from shared.errors import HostError

    monkeypatch.setattr("installer.layout.location.finding.default_root", lambda: tmp_path / "all")
    removed, other = Prefix(tmp_path / "all" / "removed"), Prefix(tmp_path / "all" / "other")
    removed.audit.mkdir(parents=True)
    with pytest.raises(HostError, match="nothing is installed there any more"):
        find_prefix(None)
    assert find_prefix(None, allow_uninstalled=True) == removed
    other.make()
    assert find_prefix(None) == find_prefix(None, allow_uninstalled=True) == other


def test_a_folder_that_merely_looks_like_ours_stays(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "theirs").write_text("kept")
    (tmp_path / "bin").mkdir()
    assert worlds.run(["uninstall", "--yes", "--prefix", str(tmp_path)]).code == 4
    assert (tmp_path / "state" / "theirs").read_text() == "kept"


def test_an_installation_that_does_not_fit_leaves_what_an_uninstallation_left(tmp_path):
    from installer.install.first import unmake
    from installer.layout.prefix import Prefix

    prefix = Prefix(tmp_path / "prefix")
    prefix.audit.mkdir(parents=True)
    prefix.make()
    unmake(prefix)
    assert prefix.is_left
