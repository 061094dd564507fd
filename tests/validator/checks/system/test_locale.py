from __future__ import annotations

import pytest

from tests.validator.checking import look
from validator.check import ERROR, PASS, WARN
from validator.checks.system import locale as system_locale
from validator.checks.system.locale import Locale


@pytest.mark.parametrize(("name", "status"), [("C.UTF-8", PASS), ("xx_XX.UTF-8", WARN)])
def test_the_named_locale(monkeypatch, name, status) -> None:
    monkeypatch.setenv("LC_ALL", name)
    result = look(Locale, None)
    assert result.status == status, result.details


def test_another_encoding_is_told(monkeypatch) -> None:
    monkeypatch.setattr(system_locale, "ASK", 'print(\'ragtrace-answer [null, "ISO-8859-1", "utf-8"]\')')
    result = look(Locale, None)
    assert (result.status, "ISO-8859-1" in result.details) == (WARN, True)


def test_a_python_that_does_not_answer_was_not_looked_at(monkeypatch) -> None:
    monkeypatch.setattr(system_locale, "ASK", "raise SystemExit(3)")
    assert look(Locale, None).status == ERROR
