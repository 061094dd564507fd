"""Damaged by chance: all of it is found."""

from __future__ import annotations

import json

import pytest

from tests.reliability import corruption
from tests.reliability import world as worlds

BATCHES = 5  # of ten each
UNLISTED = {"receipt", "pointer"}  # while these are damaged nobody can say what the rest should be


def look(prefix, report):
    said = worlds.run(
        ["validate", "--prefix", str(prefix.root), "--output", str(report), "--category", "Security"]
        + ["--category", "Packages", "--category", "RAGTrace"]
    )
    return said, json.loads(report.read_text())


@pytest.mark.parametrize("seed", range(BATCHES))
def test_ten_corruptions_are_found(world, place, tmp_path, seed):
    prefix = world.start(worlds.ROLLBACK, place)
    done = corruption.damage(prefix, seed)
    before = worlds.tree(prefix.root)
    said, report = look(prefix, tmp_path / "diagnosis.json")
    assert worlds.tree(prefix.root) == before
    assert said.code == 1
    assert report["overall_status"] == "CRITICAL"
    if not UNLISTED & {damage.area for damage in done}:
        evidence = json.dumps([result["evidence"] for result in report["validation_results"]], ensure_ascii=False)
        assert [damage for damage in done if damage.path not in evidence] == []


def test_nothing_is_found_where_nothing_is_damaged(world, place, tmp_path):
    prefix = world.start(worlds.ROLLBACK, place)
    said, report = look(prefix, tmp_path / "diagnosis.json")
    assert said.code == 0, report
