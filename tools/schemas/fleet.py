"""Schemas of statements, and of the table that is made from many."""

from __future__ import annotations

from dataclasses import fields

from fleet import folder, judging, table
from fleet import statement as format_of
from fleet.statement import Installed, Origin, Problem, ReceiptFacts, ReportFacts
from installer.logs.identity import Identity
from tools.schemas.words import (
    ANY_TEXT,
    COUNT,
    FINGERPRINT,
    FULL_TEXT,
    KEYID,
    SHA256,
    TIME,
    YES_NO,
    Schema,
    closed,
    described,
    items,
    mapping,
    nullable,
    taken_by,
    value,
)

KINDS = (
    *(folder.UNSIGNED, folder.TOO_LARGE, folder.NOT_REGULAR, folder.UNREADABLE),
    *(judging.FOREIGN, judging.MALFORMED, judging.ALTERED, judging.NOT_ENROLLED, judging.OTHER_ASSET),
    *(judging.OTHER_PRODUCT, judging.OTHER_NONCE, judging.CLONED, judging.OLDER),
)
COUNTS = closed(dict.fromkeys(format_of.STATUSES, COUNT), ())


def _facts(kind: type[Installed | Origin | Problem | ReceiptFacts | ReportFacts]) -> Schema:
    """Return the schema of a part of a statement; its own readers are short texts, and the counts."""
    found = {}
    for field in fields(kind):
        read = field.metadata["read"]
        name = field.metadata["key"] or field.name
        if name == "counts":
            found[name] = COUNTS
        elif name in ("issued", "timestamp"):
            found[name] = TIME
        elif name == "advisories_until":
            found[name] = nullable(TIME)
        elif name in ("machine_id", "effort"):
            found[name] = nullable(FULL_TEXT)
        elif name == "problems":
            found[name] = items(_facts(Problem), maxItems=format_of.PROBLEMS_LIMIT)
        else:
            found[name] = taken_by(read)
    return closed(found)


def statement() -> Schema:
    """Return the schema of a statement of an installation, which ``statement`` signs."""
    subject = {"name": FULL_TEXT, "digest": closed({"sha256": SHA256})}
    predicate = {
        "origin": _facts(Origin),
        "installed": described(nullable(_facts(Installed)), "null where no release is active"),
        "installer_version": FULL_TEXT,
        "audit_head": nullable(SHA256),
        "receipt": _facts(ReceiptFacts),
        "report": _facts(ReportFacts),
    }
    every = [name for name in predicate if name not in format_of.PREDICATES]
    whole = {
        "_type": {"const": format_of.IN_TOTO},
        "subject": items(closed(subject), minItems=1, maxItems=2),
        "predicateType": {"enum": list(format_of.PREDICATES.values())},
        "predicate": {**closed(predicate, every), "minProperties": len(every) + 1, "maxProperties": len(every) + 1},
    }
    return closed(whole)


def stated() -> Schema:
    """Return the schema of ``statement``: the key, or a statement that was written or is printed."""
    key = {
        "asset": described(FULL_TEXT, "the name to enroll the key for"),
        "identity": value(Identity),
        "prefix": ANY_TEXT,
        "keyid": KEYID,
        "fingerprint": FINGERPRINT,
        "public_key": described(FULL_TEXT, "in OpenSSH's form, without a comment"),
        "allowed_signers": described(FULL_TEXT, "the line that enrolls it"),
        "made": described(YES_NO, "it was made just now"),
    }
    made = {
        "kind": {"enum": list(format_of.PREDICATES)},
        "name": described(FULL_TEXT, "a file name that no other installation has"),
        "asset": FULL_TEXT,
        "keyid": KEYID,
        "sequence": COUNT,
    }
    printed = {"statement": described(FULL_TEXT, "its bytes"), "signature": described(FULL_TEXT, "SSHSIG, armoured")}
    return {"oneOf": [closed(key), closed({**made, **printed}), closed({**made, "path": ANY_TEXT})]}


def fleet() -> Schema:
    """Return the schema of ``fleet report``."""
    row = {field.name: nullable(ANY_TEXT) for field in fields(table.Row)}
    row |= dict.fromkeys(("asset", "hostname", "installation", "prefix"), FULL_TEXT)
    row |= {
        "keyid": KEYID,
        "sequence": COUNT,
        "last_seen": described(TIME, "by the clock of the host"),
        "validated": nullable(TIME),
        "advisories_until": nullable(TIME),
        "advisories_days": nullable(COUNT),
        "counter": nullable(COUNT),
        "status": described({"enum": [None, *format_of.OVERALL]}, "null where there is no report"),
        "not_run": COUNT,
        "counts": COUNTS,
        "problems": described(items(_facts(Problem), maxItems=table.PROBLEMS_SHOWN), "the most urgent first"),
        "left_out": described(COUNT, "problems beyond these"),
        "differs": items(closed({"field": FULL_TEXT, "here": FULL_TEXT, "most": FULL_TEXT})),
        "notes": items({"enum": [judging.CLONED, judging.OLDER, table.STALE, table.LATE_CLOCK]}),
    }
    refused = {
        "file": FULL_TEXT,
        "kind": {"enum": list(KINDS)},
        "reason": FULL_TEXT,
        "asset": described(ANY_TEXT, "as it claims, or empty"),
        "hostname": ANY_TEXT,
    }
    return closed(
        {
            "format": {"const": 1},
            "created": TIME,
            "verified": described(YES_NO, "each statement is by an enrolled key"),
            "statuses": mapping(COUNT),
            "most": described(mapping(mapping(ANY_TEXT)), "product → what most of its installations have"),
            "common": items(closed({"check": FULL_TEXT, "status": {"enum": list(format_of.URGENT)}, "hosts": COUNT})),
            "absent": described(items(FULL_TEXT), "enrolled assets without a statement"),
            "superseded": described(COUNT, "statements that are not the latest of their installation"),
            "refused": items(closed(refused)),
            "hosts": items(closed(row)),
        }
    )


def enrolled() -> Schema:
    """Return the schema of ``fleet enroll``."""
    added = closed({"asset": FULL_TEXT, "fingerprint": FINGERPRINT})
    return closed({"enrolled": items(added), "already": described(COUNT, "keys that were enrolled before")})
