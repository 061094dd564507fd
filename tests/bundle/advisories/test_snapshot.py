from __future__ import annotations

import io
import json
import tracemalloc
import warnings
import zipfile
from dataclasses import replace

import pytest

from bundle.advisories import snapshot as form
from bundle.advisories.snapshot import CANARIES, Canary, Header, read_snapshot
from shared.errors import TrustError
from tests.advisories import RECORDS, changed, replaced, snapshot_bytes, without_records


@pytest.fixture
def data(tmp_path):
    return snapshot_bytes(tmp_path)


def with_header(data, **values):
    def change(members):
        header = {**json.loads(members["snapshot.json"]), **values}
        members["snapshot.json"] = json.dumps(header, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"

    return changed(data, change)


def test_whole(data):
    snapshot = read_snapshot(data)
    assert snapshot.header == Header.from_bytes(snapshot.header.to_bytes(), "x", limit=1 << 20)
    assert "demo-lib" in snapshot.index.lines


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_cut_short(data, keep):
    size = keep if isinstance(keep, int) else int(len(data) * keep)
    with pytest.raises(TrustError, match=r"advisories\.zip"):
        read_snapshot(data[:size])


def test_altered_members(data):
    for name in form.MEMBERS:

        def spoil(members, name=name):
            members[name] += b" "

        spoiled = read_snapshot(changed(data, spoil))
        with pytest.raises(TrustError, match="does not match the header"):
            spoiled.member(name)


def test_a_member_that_unpacks_to_more(data):
    spoiled = changed(data, lambda members: members.update({"index.jsonl": b"\0" * (300 << 20)}))
    assert len(spoiled) < 2 << 20
    with pytest.raises(TrustError, match="does not match the header"):
        _ = read_snapshot(spoiled).index


def test_other_members(data):
    for change in (lambda m: m.update(extra=b""), lambda m: {k: v for k, v in m.items() if k != "NOTICE"}):
        with pytest.raises(TrustError, match="members"):
            read_snapshot(changed(data, change))


@pytest.mark.parametrize("name", ["snapshot.json", "index.jsonl", "records.jsonl", "kev.json"])
def test_two_members_of_one_name(data, name):
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        for _time in range(1 if name in archive.namelist() else 2):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                archive.writestr(name, b"{}")
    with pytest.raises(TrustError):
        read_snapshot(stream.getvalue())


def test_larger_than_any_snapshot(data, monkeypatch):
    monkeypatch.setattr(form, "SNAPSHOT_LIMIT", len(data) - 1)
    with pytest.raises(TrustError, match="larger"):
        read_snapshot(data)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"sequence": 0}, "sequence"),
        ({"known_until": "yesterday"}, "known_until"),
        ({"counts": {}}, "counts"),
        ({"counts": {"live": 0}}, "counts"),
        ({"counts": {"live": -1}}, "counts"),
        ({"counts": []}, "counts"),
        ({"files": []}, "files"),
        ({"canaries": []}, "canaries"),
        ({"canaries": [Canary("a", "1", "X", hit=True).to_json()]}, "canaries"),
        ({"canaries": [{**CANARIES[0].to_json(), "hit": 1}]}, "hit"),
        ({"format": 1}, "canonical"),
        ({"format": 3}, "format"),
        ({"more": 1}, "more"),
    ],
)
def test_spoiled_header(data, values, path):
    with pytest.raises(TrustError, match=path):
        read_snapshot(with_header(data, **values))


def test_a_blind_index_is_seen(data):
    header = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("snapshot.json"))
    wrong = [*header["canaries"], Canary("demo-lib", "1.3", "TEST-1", hit=True).to_json()]
    assert list(read_snapshot(with_header(data, canaries=wrong)).blind_spots()) == ["demo-lib 1.3 (TEST-1)"]
    unknown = [*header["canaries"], Canary("gone", "1.3", "TEST-1", hit=False).to_json()]
    assert list(read_snapshot(with_header(data, canaries=unknown)).blind_spots()) == ["gone 1.3 (TEST-1)"]


def test_a_member_that_inflates_to_more_than_it_may_have_takes_no_more_memory(data) -> None:
    bomb = changed(data, lambda members: {**members, "snapshot.json": b" " * (256 << 20)})
    tracemalloc.start()
    try:
        with pytest.raises(TrustError):
            read_snapshot(bomb)
        _size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * form.HEADER_LIMIT


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_knows_no_bounds_is_refused(data, method) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(stream, "w", method) as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name))
    with pytest.raises(TrustError, match="not compressed with the method"):
        read_snapshot(stream.getvalue())


def test_records_as_published(data):
    snapshot = read_snapshot(data)
    records = list(snapshot.records())
    assert [one["id"] for one in records] == [f"TEST-{number}" for number in range(1, 9)]
    assert records[5]["withdrawn"] == "2026-01-01T00:00:00Z"
    assert records[0]["affected"] == RECORDS[0]["affected"]
    assert snapshot.withdrawn == {"TEST-6"}
    assert snapshot.header.counts["records"] == 8


def test_format_1_has_no_records(data):
    former = read_snapshot(without_records(data))
    assert former.header.written_format() == 1
    assert former.withdrawn == frozenset()
    assert list(former.blind_spots()) == []
    with pytest.raises(TrustError, match="format 1"):
        list(former.records())


def test_members_that_may_be_there(data):
    snapshot = read_snapshot(replaced(data, "kev.json", b"{}"))
    assert snapshot.header.members == [*form.MEMBERS, "kev.json"]
    assert snapshot.member("kev.json") == b"{}"
    with pytest.raises(TrustError, match="members"):
        read_snapshot(replaced(without_records(data), "kev.json", b"{}"))
    with pytest.raises(TrustError, match="members"):
        read_snapshot(changed(data, lambda members: members.update({"kev.json": b"{}"})))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda lines: [], "empty or truncated"),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], "empty or truncated"),
        (lambda lines: lines[:-1], "the number of records"),
        (lambda lines: [*lines, lines[-1]], "duplicate"),
        (lambda lines: lines[::-1], "not sorted"),
        (lambda lines: [b"[]\n", *lines[1:]], "not an object"),
        (lambda lines: [b"{\n", *lines[1:]], "not JSON"),
        (lambda lines: [b"[" * 200_000 + b"\n", *lines[1:]], "not JSON"),
        (lambda lines: [b"\xff\n", *lines[1:]], "not JSON"),
        (lambda lines: [b"\n", *lines], "not JSON"),
        (lambda lines: [b'{"id":7}\n', *lines[1:]], "not a string"),
        (lambda lines: [b'{"id":"' + b"A" * 101 + b'"}\n', *lines[1:]], "longer"),
        (lambda lines: [b'{"id":"A","x":"' + b"x" * (8 << 20) + b'"}\n', *lines[1:]], "larger"),
    ],
)
def test_records_that_are_not_as_written(data, spoil, reason):
    whole = read_snapshot(data).member("records.jsonl").splitlines(keepends=True)
    snapshot = read_snapshot(replaced(data, "records.jsonl", b"".join(spoil(whole))))
    with pytest.raises(TrustError, match=reason):
        list(snapshot.records())


def test_counts_that_do_not_add_up(data):
    counts = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("snapshot.json"))["counts"]
    for wrong in ({"records": 9}, {"withdrawn": 0}, {"set_aside": 1}, {"set_aside": 1, "records": 9}):
        with pytest.raises(TrustError, match="sum"):
            read_snapshot(with_header(data, counts={**counts, **wrong}))


@pytest.mark.parametrize("name", ["records", "live", "withdrawn", "set_aside"])
def test_a_header_without_one_of_the_counts_is_refused(tmp_path, name):
    header = read_snapshot(snapshot_bytes(tmp_path)).header
    counts = {one: count for one, count in header.counts.items() if one != name}
    if name != "records":
        counts["records"] = header.counts["records"] - header.counts[name] - 1  # a count that is missing reads as -1
    with pytest.raises(TrustError, match="counts"):
        replace(header, counts=counts).check("snapshot.json")
