"""Schemas of the JSON output about advisories and attestations."""

from __future__ import annotations

from builder.wheels import attestations
from bundle.advisories.exceptions import JUSTIFICATIONS
from bundle.advisories.severity import LEVELS, TABLES
from tools.schemas.words import (
    ANY_TEXT,
    COUNT,
    FULL_TEXT,
    HEAD,
    NUMBER,
    SHA256,
    TIME,
    YES_NO,
    Schema,
    closed,
    described,
    items,
    mapping,
    nullable,
)


def finding() -> Schema:
    """Return the properties of a known vulnerability."""
    return {
        "package": FULL_TEXT,
        "version": FULL_TEXT,
        "ids": described(items(FULL_TEXT, minItems=1), "the advisory's own first, then its other names"),
        "certainty": {"enum": ["affected", "possible"]},
        "severity": {"enum": list(LEVELS)},
        "score": nullable({**NUMBER, "minimum": 0, "maximum": 10}),
        "fixed": described(items(FULL_TEXT), "versions that no longer have it, the lowest first"),
        "summary": ANY_TEXT,
        "malware": described(YES_NO, "a malicious package or release; it fails by every table"),
        "kev": described(ANY_TEXT, "the date on which CISA listed it as exploited, or empty"),
        "epss": described(nullable({**NUMBER, "minimum": 0, "maximum": 1}), "its EPSS score, null if it is not known"),
        "link": FULL_TEXT,
    }


def snapshot_facts() -> Schema:
    """Return the properties of a snapshot of advisories."""
    return {
        "sequence": COUNT,
        "known_until": TIME,
        "made": TIME,
        "source": FULL_TEXT,
        "licence": FULL_TEXT,
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "counts": mapping(COUNT),
        "kev": described(nullable(closed({"date": FULL_TEXT, "cves": COUNT})), "CISA's catalogue, null without it"),
        "epss": described(nullable(closed({"date": FULL_TEXT, "cves": COUNT})), "EPSS scores, null without them"),
        "set_aside": described(
            items(closed({"id": FULL_TEXT, "reason": FULL_TEXT, "packages": items(FULL_TEXT)})),
            "records that break the OSV schema; their packages, or all, are undecided",
        ),
    }


def scanned() -> Schema:
    """Return the properties of an assessed scan."""
    words = dict.fromkeys(("id", "package", "versions", "statement", "approver"), FULL_TEXT)
    parts = {**words, "justification": {"enum": list(JUSTIFICATIONS)}, "approved": TIME, "expires": TIME}
    exemption = closed(parts)
    undecided = {"package": FULL_TEXT, "version": nullable(ANY_TEXT), "id": ANY_TEXT, "reason": FULL_TEXT}
    return {
        "status": {"enum": ["PASS", "WARN", "FAIL"]},
        "table": {"enum": list(TABLES)},
        "packages": COUNT,
        "age": {"enum": ["fresh", "old", "stale", "future"]},
        "days": {"type": "integer"},
        "counts": described(mapping(COUNT), "findings by severity"),
        "unscored": described(COUNT, "findings without a score, without malware"),
        "unfixed_ignored": described(items(FULL_TEXT), "findings without a fixed version that do not stop anything"),
        "findings": items(closed(finding())),
        "excepted": items(closed({**finding(), "exception": exemption})),
        "expired": described(items(exemption), "exceptions that count no more"),
        "unused": described(items(exemption), "exceptions that cover nothing here"),
        "futile": described(
            items(closed({**parts, "reason": FULL_TEXT})),
            "exceptions that cannot do what they should",
        ),
        "undecided": items(closed({**undecided, "malware": YES_NO})),
    }


def advisories() -> Schema:
    """Return the schema of ``advisories show``, ``scan`` and ``update``."""
    update = {"role": FULL_TEXT, "sequence": COUNT, "new": YES_NO, "audit_head": HEAD}
    facts = closed({**snapshot_facts(), "updated": described(YES_NO, "it came by an update, not with the release")})
    return closed({"snapshot": facts, "update": closed(update), "scan": closed(scanned())}, required=["snapshot"])


def attested() -> Schema:
    """Return the schema of ``06_Verification/attestations.json`` in a bundle."""
    publisher = {"type": "object", "properties": {"predicate": FULL_TEXT, "kind": FULL_TEXT}, "required": ["kind"]}
    wheel = {
        "wheel": FULL_TEXT,
        "sha256": SHA256,
        "verdict": {"enum": list(attestations.VERDICTS)},
        "publishers": described(items(publisher), "as the index names them and their certificates bear out"),
    }
    return closed({"format": {"const": attestations.FORMAT}, "wheels": items(closed(wheel), minItems=1)})


def snapshot_made() -> Schema:
    """Return the schema of the builder's ``advisories fetch``, ``import`` and ``show``."""
    made = {"bytes": COUNT, "files": items(FULL_TEXT)}
    return closed({**snapshot_facts(), **made}, required=snapshot_facts())
