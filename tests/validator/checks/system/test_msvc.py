from __future__ import annotations

import ctypes.util
from dataclasses import replace

import pytest

from tests.validator.checking import look
from validator.check import ERROR, PASS, SKIP, WARN
from validator.checks import windows_settings
from validator.checks.system import msvc as system_msvc
from validator.checks.system.msvc import VisualCpp
from validator.runner import results_of
from validator.subject import subject_of

THERE, ABSENT = ctypes.util.find_library("c") or "ucrtbase.dll", "no-such-runtime.dll"


@pytest.fixture(autouse=True)
def _windows(monkeypatch) -> None:
    monkeypatch.setattr(windows_settings, "HERE", True)
    monkeypatch.setattr(system_msvc, "LIBRARIES", (THERE, ABSENT))


def look_at_native(prefix):
    """Look at an installation one of whose wheels is for one platform alone."""
    subject = subject_of(prefix)
    first, *others = subject.manifest.packages
    native = replace(first, wheel=first.wheel.replace("-none-any", "-none-win_amd64"))
    (result,) = results_of(
        VisualCpp(), replace(subject, manifest=replace(subject.manifest, packages=(native, *others)))
    )
    return result, native.name


def test_libraries_that_load(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_msvc, "LIBRARIES", (THERE,))
    result, _name = look_at_native(prefix)
    assert result.status == PASS
    assert look(VisualCpp, None).status == PASS


def test_one_that_does_not_load_is_named_with_who_asks_for_it(prefix) -> None:
    result, name = look_at_native(prefix)
    assert (result.status, ABSENT in result.details, THERE in result.details) == (WARN, True, False)
    assert result.evidence == {"missing": [ABSENT], "native": [name]}
    assert "Redistributable" in result.suggestion


def test_packages_of_python_alone_need_none(prefix) -> None:
    result = look(VisualCpp, prefix)
    assert (result.status, ABSENT in result.details) == (PASS, True)


def test_before_an_installation_nobody_knows_who_asks(monkeypatch) -> None:
    assert look(VisualCpp, None).status == WARN


def test_an_interpreter_that_does_not_answer(monkeypatch) -> None:
    monkeypatch.setattr(system_msvc, "ASK", "raise SystemExit(3)")
    assert look(VisualCpp, None).status == ERROR


def test_other_systems_have_none(monkeypatch) -> None:
    monkeypatch.setattr(windows_settings, "HERE", False)
    assert look(VisualCpp, None).status == SKIP
