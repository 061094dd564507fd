"""What was accepted is kept twice, and both copies are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from installer.trust import memory, memory_admin
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.security.memory import TrustMemory
from validator.runner import results_of
from validator.subject import Subject, subject_of


def judged(check, prefix, trust_stores):
    subject = replace(subject_of(prefix) if prefix else Subject(), trust_stores=trust_stores)
    return [(result.status, result.details) for result in results_of(check(), subject)]


@pytest.fixture
def whole(prefix, trust_stores):
    for _line in memory_admin.repair(trust_stores, prefix):
        pass
    return prefix


def test_two_whole_copies_pass_and_a_damaged_one_fails_by_name(whole, trust_stores) -> None:
    assert [status for status, _details in judged(TrustMemory, whole, trust_stores)] == [PASS]
    (trust_stores.host / memory.COPY).write_bytes(b"{")
    ((status, details),) = judged(TrustMemory, whole, trust_stores)
    assert (status, str(trust_stores.host / memory.COPY) in details) == (FAIL, True)


def test_what_is_installed_and_not_remembered_is_a_warning(prefix, trust_stores) -> None:
    assert [status for status, _details in judged(TrustMemory, prefix, trust_stores)] == [WARN]


def test_what_was_rebuilt_is_a_warning_until_it_is_accepted(whole, trust_stores) -> None:
    for name in memory.NAMES:
        (trust_stores.host / name).write_bytes(b"{")
    assert [status for status, _details in judged(TrustMemory, whole, trust_stores)] == [FAIL, WARN]
    assert list(memory_admin.repair(trust_stores, whole))
    assert [status for status, _details in judged(TrustMemory, whole, trust_stores)] == [WARN]
    memory_admin.accept(trust_stores, whole)
    assert [status for status, _details in judged(TrustMemory, whole, trust_stores)] == [PASS]


def test_without_an_installation_nothing_is_asked() -> None:
    assert [status for status, _details in judged(TrustMemory, None, None)] == [SKIP]
