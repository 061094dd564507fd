"""What was accepted is kept twice, and both copies are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from installer.trust import keeping, memory
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.security.memory import TrustMemory
from validator.runner import results_of
from validator.subject import subject_of


def judged(check, prefix, places):
    subject = replace(subject_of(prefix), places=places)
    return [(result.status, result.details) for result in results_of(check(), subject)]


@pytest.fixture
def whole(prefix, places):
    for _line in keeping.repair(places, prefix):
        pass
    return prefix


def test_two_whole_copies_pass_and_a_damaged_one_fails_by_name(whole, places) -> None:
    assert [status for status, _details in judged(TrustMemory, whole, places)] == [PASS]
    (places.host / memory.COPY).write_bytes(b"{")
    ((status, details),) = judged(TrustMemory, whole, places)
    assert (status, str(places.host / memory.COPY) in details) == (FAIL, True)


def test_what_is_installed_and_not_remembered_is_a_warning(prefix, places) -> None:
    assert [status for status, _details in judged(TrustMemory, prefix, places)] == [WARN]


def test_what_was_rebuilt_is_a_warning_until_it_is_accepted(whole, places) -> None:
    for name in memory.NAMES:
        (places.host / name).write_bytes(b"{")
    assert [status for status, _details in judged(TrustMemory, whole, places)] == [FAIL, WARN]
    assert list(keeping.repair(places, whole))
    assert [status for status, _details in judged(TrustMemory, whole, places)] == [WARN]
    keeping.accept(places, whole)
    assert [status for status, _details in judged(TrustMemory, whole, places)] == [PASS]


def test_without_an_installation_nothing_is_asked() -> None:
    assert [status for status, _details in judged(TrustMemory, None, None)] == [SKIP]
