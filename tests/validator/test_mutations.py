"""Nothing that is broken passes in silence: tests/validator/mutations.py, one after the other."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.validator.looking import take_any_speed
from tests.validator.mutations import LIMIT, MUTATIONS, Mutation, World, installation
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks import performance_disk, performance_matrix, performance_memory
from validator.registry import CHECKS
from validator.report import CRITICAL, DECISIVE, EXCELLENT, GOOD, WARNING, overall
from validator.runner import results_of
from validator.subject import subject_of

BY_ID = {check.id: check for check in CHECKS}
LEAST = 60
# what they look at comes with a bundle that is built for it, or a host of its kind, in their own tests
ELSEWHERE = {"security.advisories", "security.pickles", "security.safety"}
# what Windows alone has
ELSEWHERE |= {"system.msvc", "system.scripts", "performance.defender"}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="breaks them the POSIX way")


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    """A sound installation on a sound host."""
    monkeypatch.setattr(performance_disk, "BLOCKS", 2)
    monkeypatch.setattr(performance_matrix, "SECONDS", 0.01)
    monkeypatch.setattr(performance_memory, "SIZE", 1 << 20)
    take_any_speed(monkeypatch)
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("DEMO_API_KEY", "of the caller")
    folder = tmp_path / "of the host"
    folder.mkdir()
    return World(installation(tmp_path), folder, monkeypatch)


def look(world: World, check: str, limit: float = LIMIT):
    return results_of(BY_ID[check](limit), subject_of(world.prefix))


@pytest.mark.parametrize("check", sorted(BY_ID))
def test_what_is_sound_passes(world, check) -> None:
    statuses = {result.status for result in look(world, check, 60.0)}
    assert statuses <= {PASS, SKIP}
    assert statuses == {PASS} or check in {"tools.openssh", *ELSEWHERE}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_its_check_notices(world, mutation: Mutation) -> None:
    if not mutation.as_root and os.geteuid() != 0:
        pytest.skip("only root can break it so")
    mutation.do(world)
    results = look(world, mutation.check, mutation.limit)
    assert mutation.status in {result.status for result in results}, [result.details for result in results]
    # whatever other checks say, the whole can only be worse than this one
    worst = CRITICAL if BY_ID[mutation.check].category in DECISIVE else WARNING
    wanted = {WARN: GOOD}.get(mutation.status, worst)
    assert overall(results) == wanted != EXCELLENT
    if mutation.status in (FAIL, WARN) and not mutation.check.startswith("system.limits"):
        assert any(result.suggestion for result in results), "it does not say what to do"


def test_the_table_breaks_what_every_check_looks_at() -> None:
    assert len(MUTATIONS) >= LEAST
    assert {mutation.check for mutation in MUTATIONS} == set(BY_ID) - ELSEWHERE
    assert max(Counter(mutation.what for mutation in MUTATIONS).values()) == 1
