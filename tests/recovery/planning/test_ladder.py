"""The ladder has every remedy once, in the order in which they are applied, and each says how it is applied."""

from __future__ import annotations

import inspect

from recovery.planning.choice import ORDER
from recovery.repair import another_release, in_place
from recovery.repair.remedy import AnotherRelease, InPlace


def concrete(kind):
    for below in kind.__subclasses__():
        yield from concrete(below)
        if below.__dict__.get("id"):
            yield below


def test_every_remedy_stands_in_the_ladder_once_and_what_is_in_place_first() -> None:
    assert {*concrete(InPlace), *concrete(AnotherRelease)} == set(ORDER)
    assert len(set(ORDER)) == len(ORDER) == len({remedy.id for remedy in ORDER})
    assert [remedy.in_place for remedy in ORDER] == sorted((remedy.in_place for remedy in ORDER), reverse=True)
    assert {remedy.__module__ for remedy in ORDER} == {in_place.__name__, another_release.__name__}


def test_every_remedy_brings_how_it_is_applied() -> None:
    assert not [remedy for remedy in ORDER if inspect.isabstract(remedy)]
