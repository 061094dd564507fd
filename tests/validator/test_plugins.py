from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from bootstrap import api
from tests.installed import BASE, LIB, make_prefix
from tests.validator.checking import change, release_of, site_of
from tests.wheels import Wheel
from validator import plugins
from validator.check import ERROR, FAIL, PASS, WARN
from validator.runner import results_of
from validator.subject import subject_before_installation, subject_of
from validator.trials import leftovers

GOOD = """
import json, sys
context = json.load(sys.stdin)
import demo_base
print(json.dumps({"check_name": "Mine", "status": "WARN", "details": f"{context['product']} {demo_base.NAME}",
                  "suggestion": "Do it.", "performance_metric": {"a": {"value": 1, "unit": "s"}}}))
"""


@pytest.fixture
def run(tmp_path, trust_stores):
    """Return the only result of a plugin with this source, in the bundle."""

    def inspect(source: str, limit: float | None = None):
        prefix = make_prefix(tmp_path, plugins={"mine.py": source.encode()})
        subject = subject_of(prefix)
        (kind,) = plugins.find(subject, trust_stores)
        (result,) = results_of(kind(limit), subject)
        return result

    return inspect


def test_a_plugin_of_the_bundle_reads_the_context_and_imports_packages(run) -> None:
    result = run(GOOD)
    assert (result.status, result.details) == (WARN, "demo-app base")
    assert (result.id, result.category, result.check_name) == ("plugin.mine", "RAGTrace", "Mine")
    assert result.performance_metric == {"a": {"value": 1, "unit": "s"}}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('broken inside')", "broken inside"),
        ("print('all is well')", "not a result"),
        ("", "not a result"),
        ('print(\'{"status": "PASS"}\')', "not a result"),
        ('print(\'{"check_name": "x", "status": "FINE", "details": ""}\')', "status"),
        ("print('[' * 100000)", "not a result"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import sys; sys.stdout.buffer.write(bytes(range(256)) * 30000)", "not a result"),
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


def test_a_gigabyte_of_output_is_read_and_dropped(run) -> None:
    before = psutil.Process().memory_info().rss
    result = run("import os\nfor _ in range(1024): os.write(1, b'x' * 2**20)")
    assert (result.status, "not a result" in result.details) == (ERROR, True)
    assert psutil.Process().memory_info().rss - before < 100_000_000


SESSION = """
import os, time
if os.fork() == 0:
    os.setsid()
    os.close(0); os.close(1); os.close(2)
    open({file!r}, "w").write(str(os.getpid()))
    time.sleep(600)
"""
CHAIN = """
import os, time
if os.fork() == 0:
    os.setsid()
    os.close(0); os.close(1); os.close(2)
    open({file!r}, "w").write(str(os.getpid()))
    while True:  # never the same process for long
        time.sleep(0.002)
        if os.fork():
            os._exit(0)
        os.setsid()
"""
CROWD = """
import os, time
for number in range(30):
    if os.fork() == 0:
        os.close(0); os.close(1); os.close(2)
        open({file!r}, "w").write(str(os.getpid()))
        time.sleep(600)
"""
ANSWER = """
while not os.path.exists({file!r}) or not open({file!r}).read():
    time.sleep(0.01)
print('{{"check_name": "x", "status": "PASS", "details": ""}}')
"""


@pytest.mark.skipif(os.name != "posix", reason="sessions are a thing of POSIX")
@pytest.mark.parametrize("source", [SESSION, CHAIN, CROWD], ids=["session", "chain", "crowd"])
def test_one_that_leaves_something_running_is_an_error_and_what_it_left_is_ended(run, tmp_path, source) -> None:
    result = run((source + ANSWER).format(file=str(tmp_path / "pid")))
    assert (result.status, "it left" in result.details) == (ERROR, True)
    await_no_plugin(tmp_path)


def await_no_plugin(folder: Path) -> None:
    """Wait until no plugin below a folder runs: one that was killed is in the table of processes until it has died."""
    deadline = time.monotonic() + 10
    while [found for found in psutil.process_iter() if runs_a_plugin(found, folder)]:
        assert time.monotonic() < deadline


def runs_a_plugin(found: psutil.Process, folder: Path) -> bool:
    try:
        ours = leftovers.MARK in found.environ() and str(folder) in " ".join(found.cmdline())
        return ours and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.skipif(os.name != "posix", reason="fork is a thing of POSIX")
def test_one_that_forks_and_never_ends_is_stopped_with_all_its_children(run, tmp_path) -> None:
    source = "import os, time\nfor _ in range(5): os.fork()\nwhile True: time.sleep(1)"
    started = time.monotonic()
    assert run(source, limit=1.0).status == ERROR
    assert time.monotonic() - started < 20
    await_no_plugin(tmp_path)


def test_a_plugin_that_was_altered_does_not_run(tmp_path, trust_stores) -> None:
    prefix = make_prefix(tmp_path, plugins={"mine.py": GOOD.encode()})
    marker = tmp_path / "ran"
    change(release_of(prefix).bundle / "plugins" / "mine.py", f"open({str(marker)!r}, 'w')".encode())
    subject = subject_of(prefix)
    (kind,) = plugins.find(subject, trust_stores)
    (result,) = results_of(kind(), subject)
    assert result.status == FAIL
    assert not marker.exists()


def host_plugin(trust_stores, mode: int = 0o644) -> None:
    folder = trust_stores.host.parent / "checks"
    folder.mkdir(parents=True)
    for path in (trust_stores.host.parent, folder):
        path.chmod(0o755)
    (folder / "own.py").write_text(GOOD)
    (folder / "own.py").chmod(mode)
    (folder / "README.txt").write_text("not a check")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize(("mode", "status"), [(0o644, WARN), (0o666, ERROR)])
def test_a_plugin_of_the_host_must_be_its_administrators(prefix, trust_stores, mode, status) -> None:
    host_plugin(trust_stores, mode)
    report = api.validate(prefix.root, checks=["plugin.own"])
    assert [result.status for result in report.results] == [status]


CHECKS = """
import json, sys
class Group:
    @staticmethod
    def speed():
        context = json.load(sys.stdin)
        import demo_base
        print(json.dumps({"check_name": "Speed", "status": "PASS", "details": context["id"] + demo_base.NAME}))
def broken():
    raise ValueError("broken inside")
"""
POINTS = """\
[console_scripts]
demo = demo_checks:main
[ragtrace.checks]
GPU-Speed = demo_checks:Group.speed
broken = demo_checks:broken [extra]
absent = demo_none:look
"""


@pytest.fixture
def packaged(tmp_path):
    """An installation, one of whose packages has checks."""
    files = {"demo_checks.py": CHECKS, "demo_checks-1.0.dist-info/entry_points.txt": POINTS}
    return make_prefix(tmp_path, wheels=(LIB, BASE, Wheel("demo-checks", "1.0", files)))


def test_entry_points_of_a_package_are_checks(packaged) -> None:
    names = [f"plugin.demo_checks.{name}" for name in ("gpu_speed", "broken", "absent")]
    report = api.validate(packaged.root, checks=names)
    found = {result.id: (result.status, result.details) for result in report.results}
    assert found[names[0]] == (PASS, f"{names[0]}base")
    assert found[names[1]][0] == found[names[2]][0] == ERROR
    assert "broken inside" in found[names[1]][1]
    assert "demo_none" in found[names[2]][1]


def test_looking_for_them_imports_nothing(packaged, trust_stores, monkeypatch) -> None:
    def refuse(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr("shared.processes.process.run", refuse)
    before = set(sys.modules)
    assert len(plugins.find(subject_of(packaged), trust_stores)) == 3
    assert not {name for name in set(sys.modules) - before if name.startswith("demo")}


def entry_points(prefix):
    return site_of(prefix) / "demo_checks-1.0.dist-info" / "entry_points.txt"


def test_entry_points_that_were_altered_or_added_do_not_run(packaged, trust_stores, tmp_path) -> None:
    marker = tmp_path / "ran"
    planted = f"open({str(marker)!r}, 'w')"
    change(entry_points(packaged), b"[ragtrace.checks]\nspeed = planted:look\n")
    added = site_of(packaged) / "added-1.0.dist-info"
    site_of(packaged).chmod(0o755)
    added.mkdir()
    (added / "entry_points.txt").write_text("[ragtrace.checks]\nlook = planted:look\n")
    (site_of(packaged) / "planted.py").write_text(planted)
    kinds = plugins.find(subject_of(packaged), trust_stores)
    assert [kind.id for kind in kinds] == ["plugin.added.look", "plugin.demo_checks.speed"]
    for kind in kinds:
        (result,) = results_of(kind(), subject_of(packaged))
        assert (result.status, "differs from the signed file" in result.details) == (FAIL, True)
    assert not marker.exists()


@pytest.mark.parametrize("text", [b"no section", b"\xff\xfe", b"[ragtrace.checks]\n  x\n[", b""])
def test_entry_points_that_nobody_can_read_are_none(packaged, trust_stores, text) -> None:
    change(entry_points(packaged), text)
    assert plugins.find(subject_of(packaged), trust_stores) == []


def test_without_any_there_are_none(prefix, trust_stores) -> None:
    assert plugins.find(subject_of(prefix), trust_stores) == []
    assert plugins.find(subject_before_installation(), trust_stores) == []


def test_the_documented_example_works(run) -> None:
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    result = run(text.partition("## A whole example of a file")[2].partition("```python\n")[2].partition("```")[0])
    assert result.status in (PASS, WARN), result.details
    assert json.dumps(result.to_json())


def test_the_documented_package_works(tmp_path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    section = text.partition("## A check of a package")[2]
    assert 'gpu-speed = "demo_checks:speed"' in section
    points = "[ragtrace.checks]\ngpu-speed = demo_checks:speed\n"
    files = {"demo_checks.py": section.partition("```python\n")[2].partition("```")[0]}
    wheel = Wheel("demo-checks", "1.0", {**files, "demo_checks-1.0.dist-info/entry_points.txt": points})
    prefix = make_prefix(tmp_path, wheels=(LIB, BASE, wheel))
    (result,) = api.validate(prefix.root, checks=["plugin.demo_checks.gpu_speed"]).results
    assert (result.status, result.details) == (PASS, "looked for demo-app")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_of_the_host_with_a_name_that_is_none_is_told(prefix, trust_stores) -> None:
    host_plugin(trust_stores)
    (trust_stores.host.parent / "checks" / "Disk-Quota.py").write_text(GOOD)
    (result,) = api.validate(prefix.root, checks=["plugin.disk_quota.misnamed"]).results
    assert (result.status, "Disk-Quota.py is not a valid file name" in result.details) == (ERROR, True)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_they_are_listed_like_the_others(packaged, trust_stores, tmp_path, monkeypatch) -> None:
    host_plugin(trust_stores)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("RAGTRACE_PREFIX", raising=False)
    for named in (packaged.root, None):
        listed = [check.id for check in api.list_checks(named)]
        assert "plugin.own" in listed
        assert ("plugin.demo_checks.gpu_speed" in listed) == (named is not None)
