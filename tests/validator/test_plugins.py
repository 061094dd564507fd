from __future__ import annotations

import json
import os
import time

import psutil
import pytest

from bootstrap import api
from tests.installed import make_prefix
from tests.validator.looking import change, release_of
from validator import plugins
from validator.check import ERROR, FAIL, PASS, WARN
from validator.runner import results_of
from validator.subject import subject_of

GOOD = """
import json, sys
context = json.load(sys.stdin)
import demo_base
print(json.dumps({"check_name": "Mine", "status": "WARN", "details": f"{context['product']} {demo_base.NAME}",
                  "suggestion": "Do it.", "performance_metric": {"a": {"value": 1, "unit": "s"}}}))
"""


@pytest.fixture
def run(tmp_path, places):
    """Return the only result of a plugin with this source, in the bundle."""

    def look(source: str, limit: float | None = None):
        prefix = make_prefix(tmp_path, plugins={"mine.py": source.encode()})
        subject = subject_of(prefix)
        (kind,) = plugins.find(subject, places)
        (result,) = results_of(kind(limit), subject)
        return result

    return look


def test_a_plugin_of_the_bundle_reads_the_context_and_imports_packages(run) -> None:
    result = run(GOOD)
    assert (result.status, result.details) == (WARN, "demo-app base")
    assert (result.id, result.category, result.check_name) == ("plugin.mine", "RAGTrace", "Mine")
    assert result.performance_metric == {"a": {"value": 1, "unit": "s"}}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('broken inside')", "broken inside"),
        ("print('all is well')", "no result"),
        ("", "no result"),
        ('print(\'{"status": "PASS"}\')', "no result"),
        ('print(\'{"check_name": "x", "status": "FINE", "details": ""}\')', "status"),
        ("print('[' * 100000)", "no result"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import sys; sys.stdout.buffer.write(bytes(range(256)) * 30000)", "no result"),
    ],
)
def test_a_broken_one_is_an_error(run, source, reason) -> None:
    result = run(source)
    assert result.status == ERROR
    assert reason in result.details


def test_its_traceback_is_in_the_log(run, caplog) -> None:
    caplog.set_level("INFO", logger="ragtrace")
    run("raise ValueError('broken inside')")
    assert "Traceback" in caplog.text


def test_one_that_never_ends_is_stopped(run) -> None:
    started = time.monotonic()
    result = run("while True: pass", limit=0.5)
    assert result.status == ERROR
    assert time.monotonic() - started < 10


@pytest.mark.skipif(os.name != "posix", reason="sessions are a thing of POSIX")
def test_what_it_leaves_running_is_ended(run, tmp_path) -> None:
    pid_file = tmp_path / "pid"
    source = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    os.close(0); os.close(1); os.close(2)
    open({str(pid_file)!r}, "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists({str(pid_file)!r}) or not open({str(pid_file)!r}).read():
    time.sleep(0.01)
print('{{"check_name": "x", "status": "PASS", "details": ""}}')
"""
    assert run(source).status == PASS
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline


def test_a_plugin_that_was_altered_does_not_run(tmp_path, places) -> None:
    prefix = make_prefix(tmp_path, plugins={"mine.py": GOOD.encode()})
    marker = tmp_path / "ran"
    change(release_of(prefix).bundle / "plugins" / "mine.py", f"open({str(marker)!r}, 'w')".encode())
    subject = subject_of(prefix)
    (kind,) = plugins.find(subject, places)
    (result,) = results_of(kind(), subject)
    assert result.status == FAIL
    assert not marker.exists()


def host_plugin(places, mode: int = 0o644) -> None:
    folder = places.host.parent / "checks"
    folder.mkdir(parents=True)
    for path in (places.host.parent, folder):
        path.chmod(0o755)
    (folder / "own.py").write_text(GOOD)
    (folder / "own.py").chmod(mode)
    (folder / "README.txt").write_text("not a check")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize(("mode", "status"), [(0o644, WARN), (0o666, ERROR)])
def test_a_plugin_of_the_host_must_be_its_administrators(prefix, places, mode, status) -> None:
    host_plugin(places, mode)
    report = api.validate(prefix.root, checks=["plugin.own"])
    assert [result.status for result in report.results] == [status]


def test_without_any_there_are_none(prefix, places) -> None:
    assert plugins.find(subject_of(prefix), places) == []
    assert plugins.find(subject_of(None), places) == []


def test_the_documented_example_works(run) -> None:
    text = (plugins.Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    result = run(text.partition("```python\n")[2].partition("```")[0])
    assert result.status in (PASS, WARN), result.details
    assert json.dumps(result.to_json())
