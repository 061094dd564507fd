from __future__ import annotations

import pytest

from bundle.advisories.raw import lines
from tests.advisories import RECORDS, below, record


def test_what_is_written_is_read():
    data = b"".join(lines.write_record(one) for one in RECORDS)
    assert list(lines.read_records(data, "records.jsonl")) == list(RECORDS)
    one = record("X-1", "lib", database_specific={"text": "\u2028\x85\\u000a\n"})
    line = lines.write_record(one)
    assert line.count(b"\n") == 1
    assert lines.read_record(line[:-1], "X-1") == one


def test_prose_is_left_out():
    prose = record("X-1", "lib", *below("1.0"), details="x" * 9999, references=[{}], credits=[{}], new_key=1)
    line = lines.write_record(prose)
    assert line.startswith(b'{"id":"X-1",')
    assert lines.read_record(line, "X-1") == record("X-1", "lib", *below("1.0"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_cannot_be_written(value):
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates"):
        lines.write_record(record("X-1", "lib", database_specific={"value": value}))


def test_what_hosts_would_not_read_is_not_written(monkeypatch):
    line = lines.write_record(RECORDS[0])
    monkeypatch.setattr(lines, "LINE_LIMIT", len(line) - 1)
    assert lines.read_record(lines.write_record(RECORDS[0])[:-1], "X") == RECORDS[0]
    monkeypatch.setattr(lines, "LINE_LIMIT", len(line) - 2)
    with pytest.raises(ValueError, match="larger"):
        lines.write_record(RECORDS[0])


@pytest.mark.parametrize(
    ("withdrawn", "counts"),
    [
        ("2026-01-01T00:00:00Z", True),
        ("2026-06-01T12:00:00.999Z", True),
        ("2026-06-01T12:00:01Z", False),
        ("0000-00-00T00:00:00Z", False),
        ("", False),
        (None, False),
        (1, False),
    ],
)
def test_withdrawals(withdrawn, counts):
    data = lines.write_record(record("X-1", "lib", withdrawn=withdrawn)) + lines.write_record(
        record("X-2", "lib", summary='"withdrawn":"2020-01-01T00:00:00Z"', database_specific={"withdrawn": "2020"})
    )
    assert lines.withdrawn_of(data, "records.jsonl", "2026-06-01T12:00:00Z") == ({"X-1"} if counts else set())
