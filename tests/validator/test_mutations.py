"""Nothing that is broken passes in silence, and what validate advises helps: mutations.py, one after the other."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest

from bundle.signing.policy import pins
from installer.release.digests import Digests
from installer.trust.available import Available
from recovery.recover import recover
from recovery.request import RecoverRequest, foresee
from shared.errors import HostError
from shared.terminal.progress import NoProgress
from tests.installed import KEY
from tests.validator.breaking import LIMIT, Mutation, World, make_world
from tests.validator.mutations import MUTATIONS
from validator.check import BUNDLE, ERROR, PASS, RECOVER, SKIP, WARN
from validator.registry import CHECKS
from validator.remedy import decide_remedies
from validator.report import CRITICAL, DECISIVE, EXCELLENT, GOOD, WARNING, overall
from validator.runner import results_of
from validator.subject import subject_of

POLICY = pins([KEY.key])
BY_ID = {check.id: check for check in CHECKS}
LEAST = 60
# what they look at comes with a bundle that is built for it, or a host of its kind, in their own tests
ELSEWHERE = {"ragtrace.former", "security.advisories", "security.copies", "security.memory", "security.pickles"}
ELSEWHERE |= {"packages.entry_points", "security.literal"}
# what Windows alone has
ELSEWHERE |= {"security.safety", "system.msvc", "system.scripts", "performance.defender"}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="breaks them the POSIX way")


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    """A sound installation on a sound host."""
    return make_world(tmp_path, monkeypatch)


def look(world: World, check: str, limit: float = LIMIT):
    """Return what a check says, with what recover would do about it."""
    available = Available(policy=POLICY)
    subject = replace(subject_of(world.prefix), foresee=lambda: foresee(world.prefix, available, Digests()))
    return decide_remedies(results_of(BY_ID[check](limit), subject), subject, NoProgress())


@pytest.mark.parametrize("check", sorted(BY_ID))
def test_what_is_sound_passes(world, check) -> None:
    statuses = {result.status for result in look(world, check, 60.0)}
    assert statuses <= {PASS, SKIP}
    assert statuses == {PASS} or check in {"tools.openssh", *ELSEWHERE}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_its_check_notices_and_what_it_advises_helps(world, mutation: Mutation) -> None:
    if not mutation.as_root and os.geteuid() != 0:
        pytest.skip("only root can break it so")
    mutation.do(world)
    results = look(world, mutation.check, mutation.limit)
    assert mutation.status in {result.status for result in results}, [result.details for result in results]
    # whatever other checks say, the whole can only be worse than this one
    worst = CRITICAL if BY_ID[mutation.check].category in DECISIVE else WARNING
    wanted = {WARN: GOOD}.get(mutation.status, worst)
    assert overall(results) == wanted != EXCELLENT
    bad = [result for result in results if result.status == mutation.status]
    assert {result.remedy for result in bad} == {mutation.remedy}
    assert all(result.suggestion for result in bad) or mutation.status == ERROR, "it does not say what to do"
    request = RecoverRequest(available=Available(policy=POLICY))
    if mutation.remedy == RECOVER:
        assert all(" recover " in result.command for result in bad)
        recover(world.prefix, lambda plan: True, NoProgress(), request)
        left = look(world, mutation.check)
        assert {result.status for result in left} <= {PASS}, [result.details for result in left]
        return
    assert mutation.remedy == BUNDLE or not any(" recover " in result.command for result in bad)
    if mutation.remedy == BUNDLE:
        # recover says the same, and changes nothing
        with pytest.raises(HostError) as refused:
            recover(world.prefix, lambda plan: True, NoProgress(), request)
        assert {result.suggestion for result in bad} == {refused.value.advice.partition(" Then run `recover")[0]}
        assert all("recover --bundle FOLDER" in result.command for result in bad)


def test_the_table_breaks_what_every_check_looks_at() -> None:
    assert len(MUTATIONS) >= LEAST
    assert {mutation.check for mutation in MUTATIONS} == set(BY_ID) - ELSEWHERE
    assert max(Counter(mutation.what for mutation in MUTATIONS).values()) == 1
