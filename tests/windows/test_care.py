"""How an installation on a Windows host is looked after: backed up, watched, repaired, removed."""

from __future__ import annotations

import json

import pytest

from tests.stories.operator import refused
from tests.stories.workshop import succeeded
from tests.windows.operator import failures

pytestmark = [pytest.mark.index, pytest.mark.host]
# holds the lock of an installation as a run does (shared/files/process_lock.py), until a file appears
HOLD = """\
import msvcrt, os, sys, time
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.lseek(handle, 1 << 20, os.SEEK_SET)
msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
os.lseek(handle, 0, os.SEEK_SET)
os.write(handle, b"4711")
print("held", flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.1)
"""


def lines_of(done):
    return json.loads(succeeded(done).stdout)


def test_uninstalled_what_is_the_users_stays_and_serves_the_next_installation(operator, small):
    operator.note("kept")
    operator.configure(JOTTER_COLOUR="red")
    refused(operator.tool("uninstall"), 2, "No terminal is available to confirm the removal")
    done = lines_of(operator.tool("uninstall", "--yes", "--json"))
    assert done["prefix"] == operator.prefix
    assert sorted(path.name for path in operator.path("").iterdir()) == [".env", "backups", "data", "state"]
    assert [path.name for path in operator.path("state").iterdir()] == ["audit"]
    operator.install(operator.copy_in(small()))
    assert operator.note("again")["notes"][-2:] == ["kept", "again"]
    assert "JOTTER_COLOUR=red" in operator.path(".env").read_text()


def test_purged_nothing_stays(operator):
    operator.note("gone")
    succeeded(operator.tool("uninstall", "--purge", "--yes"))
    assert not operator.path("").exists()


def test_a_backup_brings_settings_and_data_back(operator):
    operator.configure(JOTTER_COLOUR="red")
    before = operator.note("first")["notes"]
    made = lines_of(operator.tool("backup", "--json"))
    assert operator.note("second")["notes"] == [*before, "second"]
    operator.path(".env").write_text("JOTTER_COLOUR=blue\n")
    rows = lines_of(operator.tool("backup", "list", "--json"))["backups"]
    assert made["id"] in [row["id"] for row in rows]
    succeeded(operator.tool("backup", "restore", made["id"]))
    assert operator.note("third")["notes"] == [*before, "third"]
    assert "JOTTER_COLOUR=red" in operator.path(".env").read_text()
    checked = operator.validate(0, "--check", "security.permissions")
    assert [result["status"] for result in checked["validation_results"]] == ["PASS"]


def test_of_two_that_change_it_at_once_one_waits_or_is_told_why_not(operator):
    operator.host.path("C:\\hold.py").write_text(HOLD)
    go = f"{operator.prefix}\\go"
    holder = ("wine", "C:\\python\\3.11\\python.exe", "C:\\hold.py", f"{operator.prefix}\\state\\lock", go)
    with operator.host.host.background(*holder, ready="held", env=operator.host.environment):
        refused(operator.tool("backup"), 8, "Another process (4711) is changing", operator.prefix)
        refused(operator.tool("rollback", "--wait", "1"), 8, "Another process")
        assert operator.status()["active"]  # looking takes no lock
        operator.path("go").write_text("")
        succeeded(operator.tool("backup", "--wait", "30"))


def test_what_was_done_is_told_and_its_log_cannot_be_changed_unseen(operator):
    made = lines_of(operator.tool("backup", "--json"))
    reported = lines_of(operator.tool("history", "--json"))
    assert [event["action"] for event in reported["events"]][:2] == ["install", "backup"]
    checked = lines_of(operator.tool("audit-log", "verify", "--head", made["audit_head"], "--json"))
    assert (checked["anchored"], checked["head"]) == (True, made["audit_head"])
    log = operator.path("state\\audit\\audit.jsonl")
    log.write_bytes(log.read_bytes().replace(b'"install"', b'"inspect"', 1))
    refused(operator.tool("audit-log", "verify"), 3)


def test_one_look_at_what_the_application_uses(operator):
    program = f"import subprocess; subprocess.call([r'{operator.prefix}\\bin\\note.cmd', 'wait'])"
    waiting = ("wine", "C:\\python\\3.11\\python.exe", "-c", program)
    with operator.host.host.background(*waiting, ready="waiting", env=operator.host.environment):
        sample = lines_of(operator.tool("monitor", "--count", "1", "--interval", "0.2", "--json"))
        operator.path("data\\go").write_text("")
    assert (sample["product"], sample["prefix"]) == ("jotter", operator.prefix)
    assert sample["application"]["processes"] >= 1
    assert sample["application"]["resident"] > 1 << 20


def test_repaired_without_a_report_and_without_the_bundle(operator):
    operator.note("before")
    aside = operator.host.path("C:\\media").rename(operator.host.path("C:\\taken away"))
    try:
        (package,) = operator.path("releases").glob("*/venv/Lib/site-packages/idna")
        (package / "core.py").unlink()
        assert failures(operator.validate(1, "--check", "packages.record"))
        planned = lines_of(operator.tool("recover", "--dry-run", "--json"))
        assert not planned["applied"]
        assert not (package / "core.py").exists()
        succeeded(operator.tool("recover", "--yes"))
        assert failures(operator.validate(0)) == []
        assert operator.note("after")["notes"][-2:] == ["before", "after"]
    finally:
        aside.rename(operator.host.path("C:\\media"))
