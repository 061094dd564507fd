from __future__ import annotations

import pytest

from shared.windows import MACHINE, USER
from tests.validator.checking import look
from tests.validator.fake_registry import FakeRegistry
from validator.check import ERROR, FAIL, PASS, SKIP
from validator.checks import windows_settings
from validator.checks.system import scripts as system_scripts
from validator.checks.system.scripts import POWERSHELL, POWERSHELL_POLICY, PROMPT, Scripts


@pytest.fixture
def registry(monkeypatch) -> FakeRegistry:
    return FakeRegistry().serve(monkeypatch, system_scripts)


@pytest.mark.parametrize(("value", "status"), [(None, PASS), (0, PASS), (1, FAIL), (2, PASS)])
def test_a_policy_may_forbid_batch_files(registry, value, status) -> None:
    registry.set(USER, PROMPT, DisableCMD=value)
    result = look(Scripts, None)
    assert (result.status, bool(result.suggestion)) == (status, status == FAIL)


def test_the_execution_policy_is_told_and_forbids_nothing(registry) -> None:
    assert "Restricted" in look(Scripts, None).details
    registry.set(MACHINE, POWERSHELL, ExecutionPolicy="RemoteSigned")
    assert "RemoteSigned" in look(Scripts, None).details
    registry.set(MACHINE, POWERSHELL_POLICY, ExecutionPolicy="Undefined")
    registry.set(USER, POWERSHELL_POLICY, ExecutionPolicy="AllSigned")
    result = look(Scripts, None)
    assert (result.status, "AllSigned" in result.details) == (PASS, True)


def test_what_may_not_be_read_is_no_pass(registry) -> None:
    registry.closed.add((USER, PROMPT))
    assert look(Scripts, None).status == ERROR


def test_other_systems_have_none(monkeypatch) -> None:
    monkeypatch.setattr(windows_settings, "HERE", False)
    assert look(Scripts, None).status == SKIP
