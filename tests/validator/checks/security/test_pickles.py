from __future__ import annotations

import json
import sys

import pytest

from installer.release import tools_environment
from tests.installed import make_prefix
from tests.validator.checking import look, look_all, release_of
from tests.wheels import Wheel
from validator.checks.security.pickles import PickledModels

TOOL = Wheel("picklescan", "1.0.5", {"picklescan/__init__.py": "\n"})
needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="the fake is a script")


@pytest.fixture
def prefix(tmp_path):
    return make_prefix(tmp_path, verification={f"tools/{TOOL.filename}": TOOL.build()})


def fake(prefix, **answer):
    """Put a program in picklescan's place that gives an answer."""
    whole = {"scanned": 2, "dangerous": {}, "suspicious": {}, "unread": [], **answer}
    python = tools_environment.python_of(release_of(prefix))
    python.parent.chmod(0o755)
    python.unlink()
    text = (
        f"import json, sys\nassert json.load(sys.stdin)['folder']\nprint('ragtrace-answer ' + {json.dumps(whole)!r})\n"
    )
    python.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    python.chmod(0o755)


@needs_scripts
def test_harmless(prefix):
    fake(prefix)
    assert look(PickledModels, prefix).status == "PASS"


@needs_scripts
@pytest.mark.parametrize(
    ("answer", "status", "details"),
    [
        ({"dangerous": {"m.pkl": ["os.system"]}}, "FAIL", "m.pkl (os.system)"),
        ({"unread": ["m.pkl"]}, "FAIL", "cannot be read"),
        ({"suspicious": {"m.pkl": ["x.y"]}}, "WARN", "m.pkl (x.y)"),
    ],
)
def test_what_is_found(prefix, answer, status, details):
    fake(prefix, **answer)
    (result,) = look_all(PickledModels, prefix)
    assert result.status == status
    assert details in result.details


@needs_scripts
def test_an_empty_folder_says_nothing(prefix):
    fake(prefix, scanned=0)
    result = look(PickledModels, prefix)
    assert (result.status, "incomplete" in result.details) == ("ERROR", True)


@needs_scripts
def test_all_at_once(prefix):
    fake(prefix, dangerous={"a": ["b"]}, unread=["c"], suspicious={"d": ["e"]})
    assert [result.status for result in look_all(PickledModels, prefix)] == ["FAIL", "FAIL", "WARN"]


def test_it_does_not_work(prefix):
    result = look(PickledModels, prefix)  # the wheel of this test is no picklescan
    assert result.status == "ERROR"
    assert "incomplete" in result.details


def test_it_is_gone(prefix):
    python = tools_environment.python_of(release_of(prefix))
    python.parent.chmod(0o755)
    python.unlink()
    result = look(PickledModels, prefix)
    assert (result.status, "incomplete" in result.details) == ("ERROR", True)


def test_an_older_python(prefix, monkeypatch):
    monkeypatch.setattr("installer.advisories.picklescan.LEAST_PYTHON", (3, 99))
    result = look(PickledModels, prefix)
    assert (result.status, "requires Python" in result.details) == ("SKIP", True)


def test_no_scanners(tmp_path):
    assert look(PickledModels, make_prefix(tmp_path)).status == "SKIP"


def test_no_models(tmp_path):
    assert look(PickledModels, make_prefix(tmp_path, model={}, probe=None)).status == "SKIP"
