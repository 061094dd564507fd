"""Small exports of advisories, written for these tests, and snapshots of them."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from builder.advisories.snapshot import Making, make_snapshot
from bundle import digest, strict
from bundle.advisories import snapshot as form
from bundle.signing.policy import Policy, Role, Signer
from bundle.signing.signature import ED25519
from tests.keys import SoftKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
HIGH = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
MEDIUM = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"


def record(
    identifier: str,
    package: str,
    *events: dict[str, str],
    vector: str = "",
    aliases: tuple[str, ...] = (),
    versions: tuple[str, ...] = (),
    modified: str = "2026-05-30T10:00:00Z",
    **more: Any,
) -> dict[str, Any]:
    """Return an OSV record of one package."""
    affected: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": package}, "versions": list(versions)}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    return {
        "id": identifier,
        "modified": modified,
        "aliases": list(aliases),
        "summary": f"What {identifier} is about",
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [affected],
        **more,
    }


def below(fixed: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"introduced": "0"}, {"fixed": fixed}


RECORDS = (
    record("TEST-1", "demo-lib", *below("1.3"), vector=HIGH, aliases=("CVE-2026-0001",)),
    record("TEST-2", "demo-base", *below("1.0"), vector=CRITICAL),
    record("TEST-3", "Other_Thing", {"introduced": "2.0"}, {"last_affected": "2.5"}, vector=MEDIUM),
    record("TEST-4", "unscored", {"introduced": "1.0"}, {"fixed": "2.0"}),
    record("TEST-5", "odd", {"introduced": "0"}, {"fixed": "2018-04-22b"}),
    record("TEST-6", "demo-base", *below("9.0"), withdrawn="2026-01-01T00:00:00Z"),
    record("TEST-7", "ahead", *below("2.0"), modified="2031-01-01T00:00:00Z"),
    record("TEST-8", "twice", *below("1.0"), {"fixed": "2.0"}, vector=HIGH),
)


def write_export(path: Path, records: tuple[dict[str, Any], ...] = RECORDS) -> Path:
    """Write an export as OSV lays it out."""
    with zipfile.ZipFile(path, "w") as archive:
        for one in records:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
    return path


def snapshot_bytes(
    folder: Path, records: tuple[dict[str, Any], ...] = RECORDS, *, now: datetime = NOW, sequence: int | None = None
) -> bytes:
    """Return a snapshot of some records."""
    export = write_export(folder / "all.zip", records)
    try:
        return make_snapshot(export, Making("tests", now, sequence))
    finally:
        export.unlink()


def changed(data: bytes, change: Callable[[dict[str, bytes]], dict[str, bytes] | None]) -> bytes:
    """Return a snapshot whose members ``change`` has changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def without_records(data: bytes) -> bytes:
    """Return a snapshot of format 1, as former builders made it."""

    def change(members: dict[str, bytes]) -> None:
        del members["records.jsonl"]
        header = json.loads(members["snapshot.json"])
        header["files"] = [file for file in header["files"] if file["name"] != "records.jsonl"]
        members["snapshot.json"] = strict.dumps({**header, "format": 1})

    return changed(data, change)


def replaced(data: bytes, name: str, content: bytes) -> bytes:
    """Return a snapshot one of whose members is new or has other contents, for which its header vouches."""

    def change(members: dict[str, bytes]) -> None:
        members[name] = content
        header = json.loads(members["snapshot.json"])
        others = [file for file in header["files"] if file["name"] != name]
        entry = {"name": name, "size": len(content), "sha256": digest.sha256_bytes(content)}
        header["files"] = sorted([*others, entry], key=lambda file: (*form.MEMBERS, *form.OPTIONAL).index(file["name"]))
        members["snapshot.json"] = strict.dumps(header)

    return changed(data, change)


def dated(moment: datetime, records: tuple[dict[str, Any], ...] = RECORDS) -> tuple[dict[str, Any], ...]:
    """Return records that were changed at a moment."""
    return tuple({**one, "modified": moment.isoformat()} for one in records)


def aged_snapshot(folder: Path, days: float, records: tuple[dict[str, Any], ...] = RECORDS) -> bytes:
    """Return a snapshot whose knowledge is so many days old now (a negative number: of a time to come)."""
    moment = datetime.now(timezone.utc) - timedelta(days=days)
    return snapshot_bytes(folder, dated(moment - timedelta(seconds=5), records), now=moment)


def sign_beside(path: Path, data: bytes, namespace: str, *keys: SoftKey) -> Path:
    """Write a file and its signatures."""
    path.write_bytes(data)
    for key in keys:
        path.with_name(f"{path.name}.{key.key.keyid}.sig").write_bytes(key.sign(data, namespace))
    return path


def trusting(advisories: SoftKey, exceptions: SoftKey | None = None, *, needed: int = 1) -> tuple[Policy, SoftKey]:
    """Return a policy by which one key may sign snapshots and another exceptions, and the key that signs it."""
    owner, second = SoftKey(ED25519), exceptions or SoftKey(ED25519)
    keys = [owner.key, advisories.key, second.key]
    roles = {
        "release": Role(1, (owner.key.keyid,)),
        "policy": Role(1, (owner.key.keyid,)),
        "advisories": Role(needed, (advisories.key.keyid, second.key.keyid)[: max(1, needed)]),
        "exceptions": Role(1, (second.key.keyid,)),
    }
    return Policy(1, tuple(Signer(key, f"owner of {key.keyid}") for key in keys), roles), owner
