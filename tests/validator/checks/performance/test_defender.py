from __future__ import annotations

from pathlib import PureWindowsPath

import pytest

from shared.windows import MACHINE
from tests.validator.checking import look
from tests.validator.fake_registry import FakeRegistry
from validator.check import PASS, SKIP, WARN
from validator.checks import windows_settings
from validator.checks.performance import defender as performance_defender
from validator.checks.performance.defender import OWN, POLICY, Defender, covers


@pytest.fixture
def registry(monkeypatch) -> FakeRegistry:
    registry = FakeRegistry().serve(monkeypatch, performance_defender)
    registry.set(MACHINE, OWN)
    registry.set(MACHINE, rf"{OWN}\Exclusions\Paths")
    return registry


def test_an_installation_that_it_looks_into(registry, prefix) -> None:
    registry.set(MACHINE, rf"{OWN}\Exclusions\Paths", **{r"C:\elsewhere": 0})
    result = look(Defender, prefix)
    assert (result.status, str(prefix.root) in result.details) == (WARN, True)
    assert str(prefix.root) in result.command


@pytest.mark.parametrize("folder", [OWN, POLICY])
def test_one_that_it_leaves_out(registry, prefix, folder) -> None:
    registry.set(MACHINE, rf"{folder}\Exclusions\Paths", **{str(PureWindowsPath(prefix.root.parent)): 0})
    assert look(Defender, prefix).status == PASS


def test_who_may_not_know_is_told_so(registry, prefix) -> None:
    registry.closed.add((MACHINE, rf"{OWN}\Exclusions\Paths"))
    result = look(Defender, prefix)
    assert (result.status, "administrators" in result.details, bool(result.suggestion)) == (SKIP, True, True)


@pytest.mark.parametrize("folder", [OWN, POLICY])
def test_protection_that_is_off(registry, prefix, folder) -> None:
    registry.set(MACHINE, rf"{folder}\Real-Time Protection", DisableRealtimeMonitoring=1)
    assert look(Defender, prefix).status == PASS


def test_a_host_without_it(registry, prefix) -> None:
    registry.keys.clear()
    assert look(Defender, prefix).status == SKIP


def test_other_systems_have_none(monkeypatch, prefix) -> None:
    monkeypatch.setattr(windows_settings, "HERE", False)
    assert look(Defender, prefix).status == SKIP


@pytest.mark.parametrize(
    ("excluded", "held"),
    [
        ("C:\\Users\\kim\\AppData\\Local\\ragtrace", True),
        ("c:\\users\\KIM\\appdata\\local\\", True),
        ("C:\\Users\\*\\AppData\\Local\\rag?race", True),
        ("C:\\", True),
        ("C:\\*\\Local", False),
        ("C:\\Users\\kim\\AppData\\Local\\ragtrac", False),
        ("C:\\Users\\kim\\AppData\\Local\\ragtrace\\notes\\releases", False),
        ("C:\\[U]sers", False),
        ("D:\\", False),
    ],
)
def test_what_an_exclusion_holds_for(excluded, held) -> None:
    assert covers(excluded, "C:\\Users\\kim\\AppData\\Local\\ragtrace\\notes") is held
