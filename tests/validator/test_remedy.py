from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from bootstrap import api
from shared.errors import TrustError
from shared.terminal.progress import NoProgress
from tests.validator.checking import site_of
from validator import finding_kinds
from validator.check import BUNDLE, FAIL, OPERATOR, PASS, RECOVER, RECOVER_OR_BUNDLE, WARN, CheckResult
from validator.finding_kinds import LAUNCHER, MODEL, STORE
from validator.registry import CHECKS
from validator.remedy import decide_remedies
from validator.result import Repair
from validator.subject import subject_of


def result(identifier: str = "ragtrace.models", status: str = FAIL, **changes) -> CheckResult:
    return CheckResult(identifier, "RAGTrace", "name", status, "details", **changes)


def settled(prefix, foresee, *results):
    return decide_remedies(results, replace(subject_of(prefix), foresee=foresee), NoProgress())


def foreseen(found, repaired, unmet=""):
    return lambda: Repair(frozenset(found), frozenset(repaired), unmet)


@pytest.mark.parametrize("asks", [RECOVER, RECOVER_OR_BUNDLE])
def test_recover_is_advised_where_it_mends(prefix, asks) -> None:
    (found,) = settled(prefix, foreseen({MODEL}, {MODEL}), result(remedy=asks))
    assert found.remedy == RECOVER
    assert " recover diagnosis.json " in found.command


def test_the_bundle_is_advised_where_recover_would_ask_for_it(prefix) -> None:
    (found,) = settled(prefix, foreseen({MODEL, LAUNCHER}, {LAUNCHER}, "Bring it."), result(remedy=RECOVER))
    assert (found.remedy, found.suggestion) == (BUNDLE, "Bring it.")
    assert "recover --bundle FOLDER" in found.command


def test_what_nothing_explains_is_left_to_the_operator(prefix) -> None:
    (found,) = settled(prefix, foreseen({STORE}, {STORE}), result(remedy=RECOVER))
    assert (found.remedy, found.command) == (OPERATOR, "")
    assert "recover finds no damage" in found.suggestion


def test_damage_that_recover_does_not_see_needs_the_bundle(prefix) -> None:
    advice = subject_of(prefix).reinstall()
    (found,) = settled(prefix, foreseen((), ()), result(**advice))
    assert (found.remedy, found.suggestion, found.command) == (BUNDLE, advice["suggestion"], advice["command"])


def test_recovery_is_asked_once_and_only_where_it_could_help(prefix) -> None:
    asked = []

    def foresee():
        asked.append(1)
        return Repair(frozenset({MODEL}), frozenset({MODEL}))

    settled(prefix, foresee, result(status=PASS), result(suggestion="Do it."))
    assert asked == []
    settled(prefix, foresee, result(remedy=RECOVER), result("ragtrace.cli", remedy=RECOVER))
    assert asked == [1]


@pytest.mark.parametrize("error", [TrustError("It is wrong.", advice="Do this."), OSError(errno.EIO, "EIO", "/there")])
def test_a_recovery_that_cannot_look_is_told(prefix, error) -> None:
    def foresee():
        raise error

    (found,) = settled(prefix, foresee, result(remedy=RECOVER))
    assert found.remedy == OPERATOR
    assert found.suggestion in ("It is wrong. Do this.", "/there: Input/output error")


def test_what_says_itself_what_to_do_is_for_the_operator(prefix) -> None:
    mine, bundle, fine = settled(
        prefix, None, result(suggestion="Do it."), result(suggestion="Bring.", remedy=BUNDLE), result(status=PASS)
    )
    assert (mine.remedy, bundle.remedy, fine.remedy) == (OPERATOR, BUNDLE, None)


def test_every_check_that_damage_explains_is_one_of_ours() -> None:
    assert set(finding_kinds.CAUSES) <= {check.id for check in CHECKS}
    assert finding_kinds.causes_of("plugin.mine") == (finding_kinds.RUN_FILES,)
    assert finding_kinds.causes_of("system.memory") == ()


def test_validate_asks_what_recover_would_do(prefix, tmp_path) -> None:
    (prefix.root / "store").rename(tmp_path / "store")  # of which a repair would take the wheel
    (site_of(prefix) / "demo_base.py").unlink()
    report = api.validate(prefix.root, checks=["packages.record"])
    (found,) = report.results
    assert (found.status, found.remedy) == (FAIL, BUNDLE)
    assert "release counter" in found.suggestion
    (tmp_path / "store").rename(prefix.root / "store")
    (found,) = api.validate(prefix.root, checks=["packages.record"]).results
    assert found.remedy == RECOVER


def test_a_warning_has_its_remedy_too(prefix) -> None:
    (found,) = settled(prefix, foreseen({STORE}, {STORE}), result("ragtrace.store", WARN, remedy=RECOVER_OR_BUNDLE))
    assert found.remedy == RECOVER
