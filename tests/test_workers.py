from __future__ import annotations

from pathlib import Path

import execnet
import pytest

from tests.workers import SLOW, plain, share

LONE = {"sections": [("Captured log", "caf\udce9")], "user_properties": (1, None, "\ud800")}


def test_a_report_travels_whatever_was_captured() -> None:
    with pytest.raises(execnet.DumpError):
        execnet.dumps(LONE)
    assert execnet.loads(execnet.dumps(plain(LONE))) == {
        "sections": [("Captured log", "caf\\udce9")],
        "user_properties": (1, None, "\\ud800"),
    }


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("tests/stories/test_life.py::test_a[x]", "tests/stories/test_damage.py::test_b", True),
        ("tests/stories/test_pythons.py::test_a[3.9]", "tests/stories/test_pythons.py::test_a[3.10]", False),
        ("tests/reliability/test_seal.py::test_a", "tests/reliability/test_faults.py::test_b", True),
        ("tests/bootstrap/test_a.py::test_a", "tests/bootstrap/test_a.py::test_b[tests/stories/]", True),
        ("tests/bootstrap/test_a.py::test_a", "tests/bootstrap/test_b.py::test_a", False),
    ],
)
def test_what_shares_something_dear_goes_to_one_worker(one, other, together) -> None:
    assert (share(one)[1] == share(other)[1]) == together


def test_what_takes_longest_begins_first() -> None:
    slow, quick = share("tests/stories/test_life.py::test_a"), share("tests/bootstrap/test_a.py::test_a")
    assert slow[0] < quick[0]


@pytest.mark.parametrize("start", SLOW)
def test_what_is_marked_as_slow_is_there(start) -> None:
    """A file that moved would be slow and unmarked."""
    here = Path(__file__).parent
    assert (here / start).is_dir() if start.endswith("/") else list(here.glob(f"{start}*")), start
