"""The history of a prefix: in the order in which it happened, whatever the clock said."""

from __future__ import annotations

import json

import pytest

from installer.change.history import history
from installer.logs import audit_log
from shared.errors import TrustError


def test_a_clock_that_was_set_back_changes_no_order(prefix, monkeypatch) -> None:
    class Clock:
        @staticmethod
        def now(_zone: object) -> Clock:
            return Clock()

        @staticmethod
        def isoformat(*, timespec: str) -> str:
            return "2001-01-01T00:00:00+00:00"

    monkeypatch.setattr(audit_log, "datetime", Clock)
    audit_log.note(prefix, "backup", "done")
    found = history(prefix)
    assert [event.action for event in found] == ["install", "backup"]
    assert found[0].time > found[1].time


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_a_line_that_is_nested_deeply_is_no_entry(prefix, depth) -> None:
    with audit_log.log_file(prefix).open("a") as file:
        file.write("[" * depth + "]" * depth + "\n")
        file.write(json.dumps({"action": "install", "outcome": "done"}) + "\n")
    with pytest.raises(TrustError, match="line 2: it is not an entry"):
        audit_log.verify(prefix)
    assert len(audit_log.activations(prefix)) == 1
