"""Records of random events, in any order, with odd bounds: matcher, specifiers and literal evaluation agree."""

from __future__ import annotations

import json
import random

import pytest
from packaging.specifiers import SpecifierSet

from builder.advisories import schema
from builder.advisories.osv import advisories_of
from bundle.advisories.index import Advisory
from bundle.advisories.matcher import AFFECTED, CLEAR, judge
from bundle.advisories.raw.agreement import differences
from bundle.advisories.raw.lines import read_record, write_record
from bundle.advisories.raw.literal import Question, evaluate
from bundle.advisories.specifiers import specifiers
from bundle.advisories.versions import public

VERSIONS = (
    *("0", "0.dev0", "0.dev1", "1", "1.0", "1.0.0", "1.0rc1", "1.0.dev0", "2", "2.0.post1", "1!0", "v1.5", " 1.0 "),
    *("2.0+cu1", "2.0-NA", "2.0-cu124", "2.0-cpu", "1.0-rocm6.1", "1.0-alpha.1", "1.0-1", "0.2.0-alpha\\.33"),
    *("bad", "2018-04-22b", "1.0-NA-NA", "2.0_1", "1.0.*"),
)
KINDS = {"introduced": 12, "fixed": 8, "last_affected": 5, "limit": 0.5, "odd": 0.1}
TYPES = {"ECOSYSTEM": 20, "SEMVER": 0.5, "GIT": 1, "OTHER": 0.1}


def one_of(chance, weights):
    return chance.choices(list(weights), list(weights.values()))[0]


def some(chance, most, make):
    return [make() for _one in range(chance.randint(0, most))]


def block(chance):
    def event():
        return {one_of(chance, KINDS): chance.choice(VERSIONS)}

    def one_range():
        return {"type": one_of(chance, TYPES), "events": some(chance, 4, event)}

    found = {"package": {"ecosystem": "PyPI", "name": chance.choice(("demo", "DEMO", "other"))}}
    if chance.random() < 0.8:
        found["ranges"] = some(chance, 2, one_range)
    if chance.random() < 0.5:
        found["versions"] = some(chance, 3, lambda: chance.choice(VERSIONS))
    return found


@pytest.mark.parametrize("seed", range(10))
def test_nobody_contradicts(seed):
    chance = random.Random(seed)
    for _number in range(200):
        blocks = [block(chance) for _one in range(chance.randint(1, 2))]
        record = {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": blocks}
        schema.check(record)
        judged = {}
        for name, written in advisories_of(record).items():
            advisory = Advisory.from_json(written.to_json(), name)
            sets = [SpecifierSet(text) for text in specifiers(advisory)]
            judged.update({(name, text, "X-1"): judge(advisory, text) for text in VERSIONS})
            for version in filter(None, map(public, VERSIONS)):
                hit = judge(advisory, str(version)) == AFFECTED
                assert any(one.contains(version) for one in sets) == hit, (str(version), json.dumps(record))
        question = Question([(name, text) for name in ("demo", "other") for text in VERSIONS], "2027")
        literal = evaluate([read_record(write_record(record), "X-1")], question)
        found = differences({key: one for key, one in judged.items() if one != CLEAR}, literal)
        assert [str(one) for one in found if not one.is_open] == [], json.dumps(record)
