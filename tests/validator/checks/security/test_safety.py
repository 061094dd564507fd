from __future__ import annotations

import sys

import pytest

from bundle.advisories import safety
from installer.release import tools_environment
from tests.advisories import RECORDS, aged_snapshot
from tests.installed import make_prefix
from tests.validator.checking import look, release_of
from validator.checks.security.safety import SecondScanner

FAKE = """#!{python}
import json, sys
asked = json.load(sys.stdin)
database = json.load(open(asked["database"] + "/insecure_full.json"))["vulnerable_packages"]
assert [name for name in __import__("os").environ if name.startswith("SAFETY")] == []
from packaging.specifiers import SpecifierSet
hits = [
    [name, version, entry["ids"][0]["id"]]
    for name, version in asked["packages"]
    for entry in database.get(name, [])
    if any(SpecifierSet(one).contains(version) for one in entry["specs"])
]
{change}
print("noise")
print("ragtrace-answer " + json.dumps(hits))
"""


@pytest.fixture(autouse=True)
def _trust_stores(trust_stores, monkeypatch):
    monkeypatch.setattr("validator.checks.security.advisories.host_trust_stores", lambda: trust_stores)
    monkeypatch.setenv("SAFETY_API_KEY", "secret")


@pytest.fixture
def prefix(tmp_path):
    return make_prefix(tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, 1, RECORDS)})


def fake(prefix, change=""):
    """Put a program in safety's place that answers as it does, but for a change."""
    release = release_of(prefix)
    release.path.chmod(0o755)
    python = tools_environment.python_of(release)
    python.parent.mkdir(parents=True)
    python.write_text(FAKE.format(python=sys.executable, change=change), encoding="utf-8")
    python.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake is a script")
@pytest.mark.parametrize(
    ("change", "status", "details"),
    [
        ("", "PASS", "the same findings in 2 packages: 1"),
        (
            "hits = [hit for hit in hits if hit[1] != '1.2.0']",
            "FAIL",
            "demo-lib 1.2.0 TEST-1 (found by the matcher only)",
        ),
        ("hits.append(['demo-base', '2.0.1', 'TEST-2'])", "FAIL", "demo-base 2.0.1 TEST-2 (found by safety only)"),
        ("hits = []", "FAIL", "gives wrong results for these known cases"),
        ("hits.append(['ragtrace-canary', '2.0', 'RAGTRACE-CANARY'])", "FAIL", "ragtrace-canary 2.0"),
        ("raise SystemExit('its own error')", "ERROR", "incomplete: safety cannot be run: its own error"),
        ("raise SystemExit(0)", "ERROR", "incomplete"),
    ],
)
def test_what_the_second_scanner_says(prefix, change, status, details):
    fake(prefix, change)
    result = look(SecondScanner, prefix)
    assert (result.status, details in result.details) == (status, True), result.details


def test_absent(prefix):
    result = look(SecondScanner, prefix)
    assert result.status == "ERROR"
    assert "incomplete" in result.details


@pytest.mark.skipif(sys.platform == "win32", reason="the fake is a script")
def test_hanging(prefix):
    fake(prefix, "__import__('time').sleep(60)")
    result = look(SecondScanner, prefix, 2.0)
    assert result.status == "ERROR"
    assert "timed out" in result.details


def test_no_advisories(tmp_path):
    assert look(SecondScanner, make_prefix(tmp_path)).status == "SKIP"


def test_advisories_that_are_not_as_signed(prefix):
    path = release_of(prefix).bundle / "verification" / "advisories" / "advisories.zip"
    path.parent.chmod(0o755)
    path.unlink()
    result = look(SecondScanner, prefix)
    assert result.status == "ERROR"
    assert "incomplete" in result.details


def test_differences():
    own = {("a", "1", "X"), ("b", "1", "Y")}
    assert safety.differences(own, own) == []
    assert safety.differences(own, {("a", "1", "X"), ("c", "1", "Z")}) == [
        *("b 1 Y (found by the matcher only)", "c 1 Z (found by safety only)"),
    ]


def test_a_python_for_which_safety_has_no_sound_release(prefix, monkeypatch):
    monkeypatch.setattr(tools_environment, "WITHOUT_SAFETY", (release_of(prefix).manifest().target.python,))
    result = look(SecondScanner, prefix)
    assert (result.status, "without known vulnerabilities" in result.details) == ("SKIP", True), result.details
