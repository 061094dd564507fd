from __future__ import annotations

import sys

import pytest

from tests.validator.looking import look
from validator.check import FAIL, PASS, SKIP
from validator.checks.system import glibc as system_glibc
from validator.checks.system.glibc import CLibrary


@pytest.mark.parametrize(("found", "status"), [((2, 40), PASS), ((2, 5), FAIL), (None, FAIL)])
def test_the_version(prefix, monkeypatch, found, status) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(system_glibc, "host_glibc", lambda: found)
    assert look(CLibrary, prefix).status == status


def test_other_systems_have_none(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert look(CLibrary, None).status == SKIP
