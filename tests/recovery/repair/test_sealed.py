"""A repair in part writes nothing into the sealed release that it compares with and reuses files of."""

from __future__ import annotations

import os
import shutil

import pytest

from installer.release import acceptance, receipt
from installer.trust.available import Available
from recovery.inspection.inspection import inspect
from recovery.recover import recover
from recovery.repair import health
from recovery.repair.remaining import remaining_damage
from recovery.request import RecoverRequest
from shared.errors import InstallError
from shared.terminal.progress import NoProgress
from tests.owners import answer_of
from tests.recovery.damaging import delete, spoil
from tests.recovery.in_part import DAMAGES, OWN, Warned, delete_a_source_file, lose_a_package
from tests.tiny import install_tiny, tiny_bundle

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")


@pytest.mark.parametrize("as_root", [True, False])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_repair_in_part_succeeds_and_says_nothing_of_slow_starts(tmp_path, damage, as_root) -> None:
    found = answer_of("tests.recovery.in_part", tmp_path, damage, as_root=as_root)
    assert found["error"] == ""
    failing = ["The damaged release fails too" in warning for warning in found["warnings"]]
    assert failing == ([True] if damage == "a lost package" else [])


def test_the_comparison_with_the_damaged_release_writes_nothing_into_it(host) -> None:
    lose_a_package(host.prefix, host.tiny)
    found, progress = inspect(host.prefix), Warned()
    before = receipt.stamps(host.release)
    parts = remaining_damage(found)
    health.try_repaired(found, frozenset({"tiny-lib"}), parts, progress)
    assert len(progress.warnings) == 1
    assert receipt.stamps(host.release) == before


def test_it_writes_nothing_into_a_release_that_has_lost_its_mark_either(host) -> None:
    lose_a_package(host.prefix, host.tiny)
    shutil.rmtree(host.release.app / "__pycache__", ignore_errors=True)
    host.release.complete_file.unlink()
    found = inspect(host.prefix)
    before = receipt.stamps(found.release)
    parts = remaining_damage(found)
    health.fails_too(found, health.to_try(found, frozenset({"tiny-lib"}), parts), NoProgress())
    assert receipt.stamps(found.release) == before


def test_a_model_that_answers_wrongly_before_and_after_stops_no_repair(host) -> None:
    """The trial of the damaged release is the same one: its models are asked too."""
    spoil(host, next(entry.path for entry in host.tiny.manifest.of_kind("wheel") if "tiny_math" in entry.path))
    module = host.site / "tiny_math" / "text.py"
    module.unlink()
    module.write_text("def length(text):\n    return 9\n")
    delete(host.release.models / "tiny" / "weights.json")
    assert host.recover().plan.leaves_damage


def test_a_repair_that_fails_leaves_the_bytecode_of_the_damaged_release_as_it_was(tmp_path, monkeypatch) -> None:
    tiny = tiny_bundle(tmp_path / "bundle", packages=OWN)
    prefix = install_tiny(tiny, tmp_path / "prefix")
    delete_a_source_file(prefix, tiny)
    before = receipt.stamps(prefix.active())

    def fail(*_given: object) -> None:
        raise InstallError("no")

    monkeypatch.setattr(acceptance, "check_health", fail)
    with pytest.raises(InstallError):
        recover(prefix, lambda _plan: True, NoProgress(), RecoverRequest(available=Available(None, tiny.policy)))
    assert receipt.stamps(prefix.active()) == before
