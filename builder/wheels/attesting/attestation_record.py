"""The record of attestations in a bundle: a verdict on each wheel, and the objects by which it can be checked again.

``06_Verification/attestations.json`` has a row for each wheel; the folder beside it has the provenance object of each
verified wheel, named by the wheel's SHA-256, and the trust root by which they were verified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builder.members import Member, member
from bundle import strict
from bundle.digest import sha256_bytes
from bundle.manifest import VERIFICATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from builder.lock.locked import LockedWheel

VERIFIED, NONE, NO_INDEX, UNKNOWN = VERDICTS = ("verified", "none-offered", "no-index", "not-asked")
NO_PROVENANCE, BUILT, DIRECT, OFFLINE = ("no-provenance", "built-here", "not-from-an-index", "offline")
FILE = f"{VERIFICATION}/attestations.json"
FOLDER = f"{VERIFICATION}/attestations"
ROOT = f"{FOLDER}/trusted_root.json"
OBJECT = re.compile(rf"{FOLDER}/([0-9a-f]{{64}})\.json")
FORMAT = 1
RECORD_LIMIT = 64 << 20  # bytes


@dataclass(frozen=True)
class Verdict:
    """The result for a wheel: one of VERDICTS, and the publishers if it is ``verified``, else the reason in a word.

    ``publishers`` are as the index lists them, each checked against the certificate: kind, repository, workflow etc.
    ``provenance`` is the object that was verified, ``root`` the trust root by which.
    """

    verdict: str
    publishers: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    provenance: bytes = field(default=b"", repr=False)
    root: bytes = field(default=b"", repr=False)


def evidence(verdicts: Mapping[LockedWheel, Verdict], wheels: Iterable[LockedWheel]) -> list[Member]:
    """Return the bundle members about the attestations of the wheels, or an empty list if none was checked."""
    found = {wheel: verdicts[wheel] for wheel in sorted(wheels) if wheel in verdicts}
    if not found:
        return []
    objects = {
        f"{FOLDER}/{wheel.sha256}.json": verdict.provenance for wheel, verdict in found.items() if verdict.provenance
    }
    roots = [verdict.root for verdict in found.values() if verdict.root]
    if roots:
        objects[ROOT] = roots[0]  # one run verifies by one root
    rows = [
        {
            "wheel": wheel.filename,
            "sha256": wheel.sha256,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "publishers": [dict(publisher) for publisher in verdict.publishers],
        }
        for wheel, verdict in found.items()
    ]
    root = sha256_bytes(objects[ROOT]) if ROOT in objects else None
    record = strict.dumps({"format": FORMAT, "wheels": rows, "trust_root": root})
    return [
        member(FILE, "verification", record),
        *(member(path, "verification", data) for path, data in sorted(objects.items())),
    ]


def counted(verdicts: Mapping[LockedWheel, Verdict]) -> dict[str, int]:
    """Return the number of wheels with each verdict."""
    found = [verdict.verdict for verdict in verdicts.values()]
    return {verdict: found.count(verdict) for verdict in VERDICTS}
