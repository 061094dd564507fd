"""Schemas of the JSON output about advisories and attestations."""

from __future__ import annotations

from builder.fetch import simple_index
from builder.wheels.attesting import attestation_record as attestations
from bundle.advisories.exceptions import JUSTIFICATIONS
from bundle.advisories.index import CHANGED, LOWERED, MISSING, NARROWED, WITHDRAWN
from bundle.advisories.matcher import WHERES
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
        "gone": gone(),
        "where": described({"enum": list(WHERES)}, "the part of the bundle that holds the package"),
        "malware": described(YES_NO, "a malicious package or release; it fails by every table"),
        "kev": described(ANY_TEXT, "the date on which CISA listed it as exploited, or empty"),
        "epss": described(nullable({**NUMBER, "minimum": 0, "maximum": 1}), "its EPSS score, null if it is not known"),
        "link": FULL_TEXT,
    }


def gone() -> Schema:
    """Return the schema of how a later snapshot lessened an advisory; null for one that is in force."""
    reasons = {"enum": [MISSING, WITHDRAWN, NARROWED, LOWERED, CHANGED]}
    return nullable(closed({"reason": reasons, "last": COUNT, "since": COUNT}))


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


_SAID = {"statement": FULL_TEXT, "approver": FULL_TEXT, "approved": TIME}


def exemption(**more: Schema) -> Schema:
    """Return the schema of an exception, with more keys."""
    words = {**_SAID, **dict.fromkeys(("id", "package", "versions"), FULL_TEXT)}
    return closed({**words, "justification": {"enum": list(JUSTIFICATIONS)}, "expires": TIME, **more})


def removal() -> Schema:
    """Return the schema of a reason for which what only earlier snapshots had no longer counts."""
    return closed({**_SAID, "id": FULL_TEXT, "package": FULL_TEXT, "sequence": COUNT, "expires": nullable(TIME)})


def scanned() -> Schema:
    """Return the properties of an assessed scan."""
    names = {"package": FULL_TEXT, "version": nullable(ANY_TEXT), "id": ANY_TEXT, "reason": FULL_TEXT}
    undecided = {**names, "gone": gone(), "where": {"enum": list(WHERES)}, "malware": YES_NO}
    removed = [closed({**known, "removal": removal()}) for known in (finding(), undecided)]
    component = {"where": {"enum": list(WHERES)}, "packages": COUNT, "unjudged": ANY_TEXT}
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
        "excepted": items(closed({**finding(), "exception": exemption()})),
        "expired": described(items(exemption()), "exceptions that count no more"),
        "unused": described(items(exemption()), "exceptions that cover nothing here"),
        "futile": described(items(exemption(reason=FULL_TEXT)), "exceptions that cannot do what they should"),
        "removed": described(items({"anyOf": removed}), "what only earlier snapshots had, by signed reasons"),
        "undecided": items(closed(undecided)),
        "components": described(items(closed(component)), "what the bundle contains besides the application"),
    }


def advisories() -> Schema:
    """Return the schema of ``advisories show``, ``scan`` and ``update``."""
    update = {"role": FULL_TEXT, "sequence": COUNT, "new": YES_NO, "audit_head": HEAD, "warnings": items(FULL_TEXT)}
    facts = closed({**snapshot_facts(), "updated": described(YES_NO, "it came by an update, not with the release")})
    return closed({"snapshot": facts, "update": closed(update), "scan": closed(scanned())}, required=["snapshot"])


REASONS = (
    *("", attestations.NO_PROVENANCE, attestations.BUILT, attestations.DIRECT, attestations.OFFLINE),
    *(simple_index.UNANSWERED, simple_index.UNREADABLE, simple_index.NOT_LISTED, simple_index.OTHER_DIGEST),
)


def attested_wheel() -> Schema:
    """Return the schema of the verdict on one wheel."""
    publisher = {"type": "object", "properties": {"predicate": FULL_TEXT, "kind": FULL_TEXT}, "required": ["kind"]}
    wheel = {
        "wheel": FULL_TEXT,
        "reason": described({"enum": list(REASONS)}, "why it is not verified; empty if it is"),
        "sha256": SHA256,
        "verdict": {"enum": list(attestations.VERDICTS)},
        "publishers": described(items(publisher), "as the index names them and their certificates bear out"),
    }
    return closed(wheel)


def attested() -> Schema:
    """Return the schema of ``06_Verification/attestations.json`` in a bundle."""
    root = described(nullable(SHA256), "the trust root by which they were verified, which lies beside it")
    rows = items(attested_wheel(), minItems=1)
    return closed({"format": {"const": attestations.FORMAT}, "wheels": rows, "trust_root": root})


def snapshot_made() -> Schema:
    """Return the schema of the builder's ``advisories fetch``, ``import`` and ``show``."""
    made = {"bytes": COUNT, "files": items(FULL_TEXT), "warnings": items(FULL_TEXT)}
    snapshot = closed({**snapshot_facts(), **made}, required=snapshot_facts())
    acceptance = closed({**_SAID, "sha256": SHA256, "expires": TIME})
    reasons = {"removals": items(removal()), "snapshots": items(acceptance)}
    listed = {"sequence": COUNT, "exceptions": items(exemption())}
    return {"anyOf": [snapshot, closed({**listed, **reasons}, required=listed)]}
