from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import pytest

from bundle.advisories import snapshot as form
from bundle.advisories.snapshot import CANARIES, Canary, Header, read_snapshot
from shared.errors import TrustError
from tests.advisories import snapshot_bytes


@pytest.fixture
def data(tmp_path):
    return snapshot_bytes(tmp_path)


def changed(data, change):
    """Return a snapshot whose members ``change`` has changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


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
        spoiled = read_snapshot(changed(data, lambda members, name=name: members.update({name: members[name] + b" "})))
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
        ({"format": 2}, "format"),
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
    with pytest.raises(TrustError, match="another method"):
        read_snapshot(stream.getvalue())
