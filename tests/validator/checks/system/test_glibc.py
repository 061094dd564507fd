from __future__ import annotations

import sys

import pytest

from installer.install import requirements
from tests.validator.checking import look
from validator.check import FAIL, PASS, SKIP
from validator.checks.system.glibc import CLibrary


@pytest.mark.parametrize(("found", "status"), [((2, 40), PASS), ((2, 5), FAIL), (None, FAIL)])
def test_the_version(prefix, monkeypatch, found, status) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(requirements, "host_glibc", lambda: found)
    assert look(CLibrary, prefix).status == status


def test_other_systems_have_none(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert look(CLibrary, None).status == SKIP
