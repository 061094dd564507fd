"""Statements of hosts that do not exist, signed with real keys: what tests and the benchmark put into a folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from bundle.digest import sha256_bytes
from bundle.signing.file_signer import FileSigner, public_key_of
from fleet.enrolled import line_for
from fleet.statement import (
    NAMESPACES,
    RECEIPT,
    Installed,
    Origin,
    Problem,
    ReceiptFacts,
    ReportFacts,
    Statement,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=timezone.utc)
INSTALLED = Installed("tiny-app", "1.2.3", 5, "5-0123456789ab-r1", sha256_bytes(b"manifest"))
PROBLEM = Problem("security.advisories", "Security", "FAIL", "Known vulnerabilities", "2 critical: given 1.0 (TEST-1)")
REPORT = ReportFacts(
    status="CRITICAL",
    timestamp=NOW - timedelta(hours=1),
    effort="quick",
    not_run=3,
    counts={"FAIL": 1, "PASS": 40},
    problems=(PROBLEM,),
    left_out=0,
    advisories_until=NOW - timedelta(days=12, hours=1),
    platform="Linux-6.1-x86_64",
    python_version="3.11.2",
)
GOOD = replace(REPORT, status="EXCELLENT", counts={"PASS": 41}, problems=())
RECEIPT_FACTS = ReceiptFacts("2026-11-30T10:00:00Z", "3.11.2", locked=True, signers=())


def new_signer() -> FileSigner:
    """Return a signer with a key of its own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return FileSigner(public_key_of(private), private)


@dataclass
class Host:
    """A host with a key, which says what a test has it say."""

    asset: str
    signer: FileSigner = field(default_factory=new_signer)
    hostname: str = ""
    installation: str = "00112233aabbccdd"
    prefix: str = "/srv/app"
    machine_id: str | None = "0123456789abcdef"

    def says(self, sequence: int = 1, facts: Any = GOOD, *, installed: Any = INSTALLED, **origin: Any) -> Statement:
        known = {
            "asset": self.asset,
            "hostname": self.hostname or self.asset,
            "machine_id": self.machine_id,
            "installation": self.installation,
            "prefix": self.prefix,
            "keyid": self.signer.key.keyid,
            "sequence": sequence,
            "nonce": "",
            "issued": NOW - timedelta(hours=1),
            **origin,
        }
        return Statement(Origin(**known), installed, "0.1.0", sha256_bytes(b"head"), sha256_bytes(b"report"), facts)

    def put(self, folder: Path, statement: Statement | None = None, *, name: str = "") -> Path:
        """Write a statement, by default a good report, and its signature into a folder."""
        statement = statement or self.says()
        return self.put_bytes(folder, statement.to_bytes(), name or f"{self.asset}-{statement.kind}", statement.kind)

    def put_bytes(self, folder: Path, data: bytes, name: str, kind: str) -> Path:
        path = folder / f"{name}.json"
        path.write_bytes(data)
        path.with_name(path.name + ".sig").write_bytes(self.signer.sign(data, NAMESPACES[kind]))
        return path

    @property
    def line(self) -> str:
        return line_for(self.asset, self.signer.key) + "\n"


def enroll(path: Path, *hosts: Host) -> Path:
    """Write the keys of hosts, as the centre does."""
    path.write_text("".join(host.line for host in hosts), encoding="utf-8")
    return path


__all__ = ["GOOD", "INSTALLED", "NOW", "PROBLEM", "RECEIPT", "RECEIPT_FACTS", "REPORT", "Host", "enroll", "new_signer"]
