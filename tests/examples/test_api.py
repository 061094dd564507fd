"""The examples that other systems start from, run as they say."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from shared.files.process_lock import locked
from shared.processes import process
from tests.installed import make_prefix
from tests.validator.checking import change, site_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "api"
OLDEST = next(iter(sorted(Path("/root/.pyenv/versions").glob("3.9.*/bin/python"))), None)


@pytest.fixture
def prefix(tmp_path):
    return make_prefix(tmp_path)


def environment(tmp_path) -> dict[str, str]:
    stored = {name: value for name, value in os.environ.items() if not name.startswith(("RAGTRACE_", "LC_"))}
    return {**stored, "LANG": "C.UTF-8", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}


def nightly(tmp_path, prefix, python: str = sys.executable) -> process.Completed:
    """Run the example by one Python; the tool is another one's."""
    tool = [sys.executable, "-m", "bootstrap.cli", f"--prefix={prefix.root}"]
    argv = [python, str(EXAMPLES / "nightly.py"), *tool]
    return process.run(argv, env=environment(tmp_path), cwd=tmp_path, timeout=120)


def test_a_night_when_all_is_well(prefix, tmp_path) -> None:
    done = nightly(tmp_path, prefix)
    assert (done.returncode, done.stdout) == (0, done.stdout), done.stderr
    assert done.stdout.startswith("demo-app 1.0.0: ")
    assert "CRITICAL" not in done.stdout


def test_a_night_with_a_repair(prefix, tmp_path) -> None:
    previous = prefix.active().id
    change(site_of(prefix) / "demo_base.py", b"NAME = 'other'\n")
    done = nightly(tmp_path, prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "packages.record: " in done.stdout
    assert f"active now: {prefix.active().id}" in done.stdout
    assert prefix.active().id != previous


def test_a_night_when_another_run_is_at_work(prefix, tmp_path) -> None:
    change(site_of(prefix) / "demo_base.py", b"NAME = 'other'\n")
    with locked(prefix.state / "lock"):
        done = nightly(tmp_path, prefix)
    assert done.returncode == 75, done.stdout + done.stderr


def test_an_error_is_told_with_what_to_do(prefix, tmp_path) -> None:
    shutil.rmtree(prefix.root)
    done = nightly(tmp_path, prefix)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing is installed there" in done.stderr


@pytest.mark.skipif(OLDEST is None, reason="no Python 3.9 on this machine")
def test_the_calling_python_may_be_another_one(prefix, tmp_path) -> None:
    assert nightly(tmp_path, prefix, str(OLDEST)).returncode == 0


def test_in_process(prefix, tmp_path) -> None:
    argv = [sys.executable, str(EXAMPLES / "in_process.py"), str(prefix.root)]
    done = process.run(argv, env={**environment(tmp_path), "PYTHONPATH": ""}, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"active: {prefix.active().id}" in done.stdout
    assert "PASS packages.record" in done.stdout
    assert done.stdout.count("processes, ") == 2
    gone = process.run([*argv[:2], str(tmp_path / "none")], env=environment(tmp_path), cwd=tmp_path, timeout=120)
    assert (gone.returncode, "Traceback" in gone.stderr) == (1, False)


@pytest.mark.index
def test_a_host_asks_the_zipapp_itself(zipapp, prefix, tmp_path) -> None:
    tool = [sys.executable, str(zipapp), f"--prefix={prefix.root}"]
    argv = [sys.executable, str(EXAMPLES / "nightly.py"), *tool]
    done = process.run(argv, env={**environment(tmp_path), "PYTHONPATH": ""}, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("demo-app 1.0.0: ")


def test_the_page_shows_what_is_run() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name in ("nightly.py", "in_process.py"):
        assert f"examples/api/{name}" in page
    for schema in sorted((ROOT / "docs" / "schemas").glob("*.json")):
        assert schema.name in page
        json.loads(schema.read_text(encoding="utf-8"))
