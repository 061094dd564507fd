"""The model holds in every state that it can reach, and breaks without any of the things that it is made of."""

from __future__ import annotations

import pytest

from tests.hosts import needs
from tests.protocol import spin

# what is left out, and with how many commands and crashes the model then breaks; two nets hold where one is gone
MUTATIONS = [
    (("NO_JOURNAL",), 2, 2),
    (("NO_SYNC_BEFORE_COMPLETE",), 2, 2),
    (("NO_SYNC_OF_CURRENT",), 2, 2),
    (("NO_SYNC_BEFORE_UNDO",), 2, 2),
    (("NO_SWAP_OUT",), 2, 2),
    (("NO_UNMARK",), 2, 2),
    (("COLLECT_BEFORE_THE_COMMIT",), 2, 2),
    (("KEEP_LAST",), 3, 1),
    (("NO_SYNC_OF_DATA", "NO_SWAP_IN_AGAIN"), 2, 2),
    (("NO_LOCK",), 2, 1),
]


def check(tmp_path, **settings):
    with needs.or_skip():
        return spin.check(tmp_path / "spin", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"COMMANDS": 3, "CRASHES": 2},
        {"COMMANDS": 3, "CRASHES": 2, "START": 2},
        {"COMMANDS": 2, "CRASHES": 2, "HOSTS": 2},
    ],
    ids=["from-the-old-layout", "from-the-new-layout", "two-installers"],
)
def test_whatever_happens_a_whole_release_and_the_way_back_stay(tmp_path, settings):
    found = check(tmp_path, **settings)
    assert found.broken == ""
    assert found.states > 20_000


@pytest.mark.parametrize(("left_out", "commands", "crashes"), MUTATIONS, ids=["+".join(m[0]) for m in MUTATIONS])
def test_without_it_the_model_breaks(tmp_path, left_out, commands, crashes):
    more = {"HOSTS": 2} if "NO_LOCK" in left_out else {}
    macros = dict.fromkeys(left_out)
    assert check(tmp_path, COMMANDS=commands, CRASHES=crashes, **more, **macros).broken
