"""What each command writes to its log file and sends to a collector."""

from __future__ import annotations

import json
import logging
import re
import socket

import pytest

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.logs import audit_log, runlog, syslog
from tests.installer.logs.receiving import drained

LOG = runlog.LOG
pytestmark = pytest.mark.usefixtures("state")


@pytest.fixture
def installed(host, tiny, tmp_path):
    prefix = tmp_path / "prefix"
    assert cli.main(["install", str(tiny.folder), "--trust-key", str(tiny.key), "--prefix", str(prefix)]) == 0
    return Prefix(prefix)


def test_a_command_sends_what_its_file_holds_and_the_audit_head(server, installed, tiny, capsys):
    options = ["--trust-key", str(tiny.key), "--prefix", str(installed.root), "--json"]
    damaged = installed.active().path / "launch.py"  # else there would be nothing to install
    damaged.chmod(0o644)
    damaged.write_text("")
    capsys.readouterr()
    assert cli.main(["install", str(tiny.folder), *options, "--syslog", server.address]) == 0
    reported = json.loads(capsys.readouterr().out)
    sent = drained(server)
    assert [entry["audit_head"] for entry in sent if "audit_head" in entry] == [reported["audit_head"]]
    assert reported["audit_head"] == audit_log.head(installed)
    assert reported["run"] == audit_log.entries(installed)[-1]["run"] == runlog.RUN
    assert {entry["run"] for entry in sent} == {runlog.RUN}
    log = max(installed.logs.glob("*-install-*.log")).read_text().splitlines()
    filed = [json.loads(line) for line in log]
    assert [entry for entry in sent if entry in filed] == filed
    assert not [handler for handler in LOG.handlers if isinstance(handler, (syslog.Collector, logging.FileHandler))]


def test_every_command_has_a_log(server, installed, monkeypatch):
    monkeypatch.setenv("RAGTRACE_SYSLOG", server.address)
    for command in (["status"], ["history"], ["audit-log", "verify"], ["list-checks"], ["trust", "show"]):
        assert cli.main([*command, "--prefix", str(installed.root)]) == 0
        assert {entry["command"] for entry in drained(server)} == {command[0]}
        assert list(installed.logs.glob(f"*-{command[0]}-*.log"))


def test_a_refusal_goes_there_too(server, installed):
    assert cli.main(["rollback", "--prefix", str(installed.root), "--syslog", server.address]) == 4
    assert any("retains no release of another version" in json.dumps(entry) for entry in drained(server))


def test_settings_never_go_there(server, installed, monkeypatch, capsys):
    installed.env_file.write_text("TINY_API_KEY='sk-very-secret'\nTINY_COLOUR=blue\n")

    def leak(self):
        LOG.error("the key is sk-very-secret, the colour blue")
        raise RuntimeError("sk-very-secret")

    monkeypatch.setattr(Prefix, "complete_releases", leak)
    assert cli.main(["status", "--prefix", str(installed.root), "--syslog", server.address]) == 70
    sent = drained(server)
    assert any("the key is ***, the colour blue" in entry["message"] for entry in sent)
    stored = "".join(path.read_text() for path in installed.logs.iterdir())
    assert "sk-very-secret" not in json.dumps(sent) + stored


def test_a_bad_address_is_a_word_about_the_option(installed, capsys):
    with pytest.raises(SystemExit) as ended_with:
        cli.main(["status", "--prefix", str(installed.root), "--syslog", "nowhere"])
    assert ended_with.value.code == 2
    assert "HOST:PORT" in capsys.readouterr().err


def test_a_full_disk_ends_the_log_and_not_the_command(installed, monkeypatch, capsys):
    monkeypatch.setattr(logging.FileHandler, "_open", lambda self: open("/dev/full", "w"))  # noqa: SIM115
    assert cli.main(["status", "--prefix", str(installed.root)]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("way", ["", "tcp://"])
def test_a_collector_that_is_away_is_told_once_on_the_screen_and_in_the_file(installed, capsys, way):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert cli.main(["status", "--prefix", str(installed.root), "--syslog", f"{way}127.0.0.1:{port}"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(rf"warning: [0-9]+ log lines? (was|were) not delivered to \w+://127.0.0.1:{port}: .+", line)
    filed = max(installed.logs.glob("*-status-*.log")).read_text(encoding="utf-8")
    assert f"not delivered to {way or 'udp://'}127.0.0.1:{port}" in filed
