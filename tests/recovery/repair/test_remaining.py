"""When a release is built though something stays damaged: only where it is better than the damaged one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from recovery.repair.remaining import RemainingDamage, can_build_with_damage


def inspection(**changes):
    """Return a look at a release with one altered module, of which something else is lost."""
    facts = {
        "proof": object(),
        "receipt": SimpleNamespace(locked=True),
        "deviations": [SimpleNamespace(path="venv/demo.py")],
        "lacks": lambda _kind: [],
        "of_kind": lambda *_kinds: [],
    }
    return SimpleNamespace(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "kept", "expected"),
    [
        ({}, {}, True),
        ({"proof": None}, {}, False),
        ({"receipt": None}, {}, False),
        ({"receipt": SimpleNamespace(locked=False)}, {}, False),
        ({"lacks": lambda kind: ["bin/python3"] if kind == "interpreter" else []}, {}, False),
        ({}, {"venv/demo-1.dist-info/METADATA": "0"}, False),
        ({}, {"venv/demo.py": "0"}, False),
        ({"of_kind": lambda *_kinds: ["the interpreter"]}, {"venv/demo.py": "0"}, True),
    ],
)
def test_a_repair_in_part_must_mend_something_and_rest_on_what_is_whole(changes, kept, expected) -> None:
    left = RemainingDamage((), kept, frozenset(), manifest=None, keeps_tools=False)
    assert can_build_with_damage(inspection(**changes), left) is expected
