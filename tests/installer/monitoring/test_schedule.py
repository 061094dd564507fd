"""Timers that run validate and monitor: written, accepted by systemd, removed again, and never enabled unasked."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.monitoring import schedule, scheduled_task
from tests.installed import make_prefix

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd")


@pytest.fixture
def prefix(tmp_path, host):
    return make_prefix(tmp_path)


@pytest.fixture
def units(tmp_path, monkeypatch):
    """Let the system's units lie in a folder of the test; its systemctl writes what it was asked."""
    folder, programs = tmp_path / "units", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    tool = programs / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    tool.chmod(0o755)
    monkeypatch.setattr(schedule, "SYSTEM", folder)
    monkeypatch.setattr(schedule, "RUNNING", folder)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return schedule.folder_of(Prefix(tmp_path))


def calls(tmp_path):
    path = tmp_path / "calls"
    return path.read_text().splitlines() if path.exists() else []


def run(prefix, *arguments):
    return cli.main(["schedule", *arguments, "--prefix", str(prefix.root)])


def test_it_writes_and_removes_them_and_enables_nothing(prefix, units, tmp_path, capsys):
    metrics = tmp_path / "metrics"
    assert run(prefix, "install", "--metrics", str(metrics), "--syslog", "tls://logs:6514?ca=/etc/ca.pem") == 0
    out = capsys.readouterr().out
    name = schedule.name_of(prefix)
    wanted = {f"{name}-{job}.{kind}" for job in ("validate", "monitor") for kind in ("service", "timer")}
    assert {path.name for path in units.iterdir()} == wanted
    assert calls(tmp_path) == []
    assert f"enable --now {name}-validate.timer {name}-monitor.timer" in out
    service = (units / f"{name}-validate.service").read_text()
    assert f'"{prefix.root}/bin/ragtrace-offline" "validate"' in service
    assert f'"--output" "{metrics}/{name}.prom"' in service
    assert '"--syslog" "tls://logs:6514?ca=/etc/ca.pem"' in service
    assert stat.S_IMODE((units / f"{name}-validate.timer").stat().st_mode) == 0o644
    assert run(prefix, "remove", "--dry-run") == 0
    assert len(list(units.iterdir())) == 4
    assert run(prefix, "remove") == 0
    assert list(units.iterdir()) == []
    assert [call.removeprefix("--user ").split()[0] for call in calls(tmp_path)] == ["disable"]
    assert run(prefix, "remove") == 0
    assert "Nothing is scheduled" in capsys.readouterr().out


def test_without_a_folder_for_metrics_only_validate_is_scheduled(prefix, units, tmp_path, capsys):
    assert run(prefix, "install", "--metrics", str(tmp_path)) == 0
    assert run(prefix, "install") == 0
    assert {path.suffix for path in units.iterdir()} == {".service", ".timer"}
    assert all("-validate." in path.name for path in units.iterdir())
    assert [call.split()[-1].rpartition("-")[2] for call in calls(tmp_path)] == ["monitor.timer"]  # it was stopped


def test_with_enable_it_asks_systemd(prefix, units, tmp_path, capsys):
    assert run(prefix, "install", "--enable", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["done"], said["failed"]) == (True, [])
    asked = [call.removeprefix("--user ") for call in calls(tmp_path)]
    assert asked == ["daemon-reload", f"enable --now {schedule.name_of(prefix)}-validate.timer"]


def test_a_systemd_that_refuses_is_quoted(prefix, units, tmp_path, capsys):
    (tmp_path / "programs" / "systemctl").write_text("#!/bin/sh\necho 'Access denied' >&2\nexit 4\n")
    assert run(prefix, "install", "--enable") == 6
    assert "Access denied" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(prefix, units, tmp_path, capsys):
    assert run(prefix, "install", "--enable", "--dry-run") == 0
    assert "Would write" in capsys.readouterr().out
    assert not units.exists() or list(units.iterdir()) == []
    assert calls(tmp_path) == []


def test_a_unit_of_somebody_else_stays(prefix, units, tmp_path, capsys):
    units.mkdir(parents=True, exist_ok=True)
    path = units / f"{schedule.name_of(prefix)}-validate.timer"
    path.write_text("[Timer]\nOnCalendar=daily\n")
    assert run(prefix, "install") == 4
    assert "was not made by this tool" in capsys.readouterr().err
    assert run(prefix, "remove") == 0
    assert path.read_text() == "[Timer]\nOnCalendar=daily\n"


def test_uninstall_removes_them(prefix, units, tmp_path):
    assert run(prefix, "install", "--metrics", str(tmp_path)) == 0
    wants = units / "timers.target.wants"
    wants.mkdir()
    link = wants / f"{schedule.name_of(prefix)}-validate.timer"
    link.symlink_to(units / link.name)
    assert cli.main(["uninstall", "--yes", "--prefix", str(prefix.root)]) == 0
    assert [path.name for path in units.iterdir()] == ["timers.target.wants"]
    assert not link.is_symlink()


def test_a_host_without_systemd_is_told_what_to_do(prefix, units, monkeypatch, capsys):
    monkeypatch.setattr(schedule, "SYSTEMCTL", Path("/nowhere/systemctl"))
    monkeypatch.setattr(schedule, "RUNNING", Path("/nowhere"))
    assert run(prefix, "install") == 4
    assert "cron" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["app", 'a $HOME %n "b" \\x', "한글"])
def test_systemd_reads_them_as_they_are_meant(tmp_path, name, monkeypatch):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: install Debian's systemd")
    monkeypatch.setattr(schedule, "SYSTEM", tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = tmp_path / name
    tool = root / "bin" / "ragtrace-offline"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    plan = schedule.Plan(Prefix(root), tmp_path / "metrics $x %h", "tcp://logs:601")
    paths = []
    for path, data in schedule.contents(plan).items():
        paths.append(tmp_path / path.name)
        paths[-1].write_bytes(data)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, paths)], capture_output=True, text=True, check=False
    )
    own = [line for line in (done.stdout + done.stderr).splitlines() if "ragtrace" in line]
    assert (done.returncode, own) == (0, [])


def test_a_task_of_windows_is_well_formed_and_quoted():
    argv = [r"C:\Users\Kim & Co\bin\ragtrace-offline.cmd", "validate", "--prefix", r"C:\Users\Kim & Co"]
    data = scheduled_task.document("ragtrace-app-validate", argv, "validate")
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ET.fromstring(data)
    assert data.startswith(b"\xff\xfe")
    assert task.findtext(".//t:Command", namespaces=space) == argv[0]
    assert task.findtext(".//t:Arguments", namespaces=space) == r'validate --prefix "C:\Users\Kim & Co"'
    assert task.findtext(".//t:Interval", namespaces=space) == "PT1H"
    paths = [Path("s/ragtrace-app-validate.xml")]
    (create,) = scheduled_task.commands(paths, start=True)
    assert create[:5] == ["schtasks", "/Create", "/F", "/TN", r"RAGTrace\ragtrace-app-validate"]
