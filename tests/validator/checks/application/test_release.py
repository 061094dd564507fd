from __future__ import annotations

from dataclasses import replace

from shared.terminal.progress import NoProgress
from tests.validator.checking import change, look, release_of
from validator.check import BUNDLE, FAIL, PASS, RECOVER, SKIP
from validator.checks.application.release import ActiveRelease
from validator.remedy import decide_remedies
from validator.result import Repair
from validator.runner import results_of
from validator.subject import subject_of


def without_recover(prefix):
    """Return the check's result where recover would find nothing that explains it."""
    subject = replace(subject_of(prefix), foresee=lambda: Repair(frozenset(), frozenset()))
    (result,) = decide_remedies(results_of(ActiveRelease(), subject), subject, NoProgress())
    return result


def test_says_what_is_active(prefix) -> None:
    result = look(ActiveRelease, prefix)
    assert result.status == PASS
    assert result.details == f"Demo-App 1.0.0, {release_of(prefix).id}"


def test_no_active_release_fails_and_names_the_one_to_go_back_to(prefix) -> None:
    stored = release_of(prefix).id
    prefix.current.unlink()
    assert (look(ActiveRelease, prefix).status, look(ActiveRelease, prefix).remedy) == (FAIL, RECOVER)
    assert f"rollback --to {stored}" in without_recover(prefix).command


def test_with_no_release_at_all_the_bundle_is_wanted(prefix) -> None:
    release_of(prefix).complete_file.unlink()
    result = without_recover(prefix)
    assert (result.status, result.remedy) == (FAIL, BUNDLE)
    assert " install" in result.command


def test_a_receipt_that_cannot_be_read_fails(prefix) -> None:
    change(release_of(prefix).receipt_file, b"[]")
    result = look(ActiveRelease, prefix)
    assert result.status == FAIL
    assert result.evidence == {"unreadable": ["receipt"]}


def test_nothing_installed_is_skipped() -> None:
    assert look(ActiveRelease, None).status == SKIP
