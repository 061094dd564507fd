from __future__ import annotations

import json
from datetime import timedelta

import pytest

from builder.advisories.snapshot import Making, load_snapshot, make_snapshot, previous_of, write_snapshot
from bundle.advisories.snapshot import CANARIES, read_snapshot
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import ED25519, verify
from shared.errors import BuildError, TrustError, UsageError
from tests.advisories import NOW, RECORDS, below, record, snapshot_bytes, write_export
from tests.keys import SoftKey


def test_what_a_snapshot_says(tmp_path):
    snapshot = read_snapshot(snapshot_bytes(tmp_path))
    header = snapshot.header
    assert header.sequence == int(NOW.timestamp())
    assert header.made == NOW
    assert header.known_until == NOW.replace(day=30, month=5, hour=10)
    assert (header.source, header.licence) == ("tests", "CC-BY-4.0")
    assert header.counts["live"] == 7
    assert list(snapshot.blind_spots()) == []
    assert b"Python\nPackaging Authority" in snapshot.member("NOTICE")
    assert {canary.hit for canary in snapshot.canaries()} == {True, False}
    assert len(snapshot.canaries()) > len(CANARIES)


def test_the_same_bytes_every_time(tmp_path):
    assert snapshot_bytes(tmp_path) == snapshot_bytes(tmp_path, tuple(reversed(RECORDS)))


def test_safety_files(tmp_path):
    snapshot = read_snapshot(snapshot_bytes(tmp_path))
    brief = json.loads(snapshot.member("insecure.json"))
    full = json.loads(snapshot.member("insecure_full.json"))
    assert brief["meta"]["schema_version"] == full["meta"]["schema_version"] == "2.0.0"
    assert brief["vulnerable_packages"]["demo-lib"] == [">=0.dev0,<=1.3,!=1.3"]
    (entry,) = full["vulnerable_packages"]["demo-lib"]
    assert entry["ids"] == [{"type": "pyup", "id": "TEST-1"}]
    assert entry["specs"] == [">=0.dev0,<=1.3,!=1.3"]
    assert "odd" not in brief["vulnerable_packages"]


def test_too_few_advisories_are_refused(tmp_path):
    many = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(100))
    previous = read_snapshot(snapshot_bytes(tmp_path, many))
    later = NOW + timedelta(days=1)
    export = write_export(tmp_path / "all.zip", many[:94])
    with pytest.raises(BuildError, match=r"94 advisories, but the previous snapshot had 100"):
        make_snapshot(export, Making("tests", later), previous)
    assert read_snapshot(make_snapshot(export, Making("tests", later, accept_drop=True), previous)).header
    export = write_export(tmp_path / "all.zip", many[:95])
    assert read_snapshot(make_snapshot(export, Making("tests", later), previous)).header.counts["live"] == 95


def test_sequence_grows(tmp_path):
    previous = read_snapshot(snapshot_bytes(tmp_path, sequence=7))
    export = write_export(tmp_path / "all.zip")
    with pytest.raises(UsageError, match="7"):
        make_snapshot(export, Making("tests", NOW, 7), previous)
    assert read_snapshot(make_snapshot(export, Making("tests", NOW, 8), previous)).header.sequence == 8


def test_written_with_its_signatures(tmp_path):
    path, key, other = tmp_path / "new" / "advisories.zip", SoftKey(ED25519), SoftKey(ED25519)
    data = snapshot_bytes(tmp_path)
    write_snapshot(path, data, [other])
    files = write_snapshot(path, data, [key])
    assert sorted(path.parent.iterdir()) == sorted(files)
    armoured = path.with_name(f"advisories.zip.{key.key.keyid}.sig").read_bytes()
    assert verify(armoured, data, NAMESPACES["advisories"]) == key.key
    assert previous_of(path) == load_snapshot(path)
    assert previous_of(tmp_path / "none.zip") is None


def test_what_is_no_snapshot(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK nothing")
    with pytest.raises(TrustError, match="not a valid zip"):
        load_snapshot(tmp_path / "x.zip")
    with pytest.raises(UsageError, match="cannot be read"):
        load_snapshot(tmp_path / "none.zip")


def test_a_snapshot_without_any_bound(tmp_path):
    listed = record("TEST-1", "lib", versions=("1.0",))
    snapshot = read_snapshot(snapshot_bytes(tmp_path, (listed,)))
    assert list(snapshot.blind_spots()) == []
