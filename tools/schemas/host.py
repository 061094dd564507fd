"""Schemas of the JSON output of the commands for an installation."""

from __future__ import annotations

from bundle.target import PYTHONS
from installer.logs.identity import Identity
from installer.monitoring import monitor
from recovery.repair.remedy import NO_RISK
from shared.terminal.commandline import BUG, EXIT_CODES
from tools.schemas.install import going, took
from tools.schemas.words import (
    ANY_TEXT,
    COUNT,
    FULL_TEXT,
    HEAD,
    NUMBER,
    PRODUCT,
    RELEASE,
    RESULT,
    RUN,
    SECONDS,
    SHA256,
    TIME,
    YES_NO,
    Schema,
    closed,
    described,
    items,
    mapping,
    nullable,
    value,
)
from validator import check, compare


def status() -> Schema:
    """Return the schema of ``status``."""
    made = {"usage": described(nullable(took()), "what making it took; null where that is not known")}
    whole = {
        "release": RELEASE,
        "product": PRODUCT,
        "python": {"enum": list(PYTHONS)},
        "packages": COUNT,
        "launchers": items(ANY_TEXT),
    }
    damaged = {"release": RELEASE, "error": described(ANY_TEXT, "why nothing more is known")}
    releases = items({"oneOf": [closed({**whole, **made}), closed({**damaged, **made})]})
    active, head = nullable(RELEASE), nullable(SHA256)
    identity = value(Identity)
    return closed(
        {"prefix": ANY_TEXT, "active": active, "releases": releases, "identity": identity, "audit_head": head}
    )


def list_checks() -> Schema:
    """Return the schema of ``list-checks``."""
    row = {
        "id": FULL_TEXT,
        "category": {"enum": list(check.CATEGORIES)},
        "title": FULL_TEXT,
        "effort": {"enum": list(check.EFFORTS)},
        "measures": described(YES_NO, "it runs alone"),
        "limit": described(SECONDS, "seconds"),
    }
    return closed({"checks": items(closed(row), minItems=1)})


def comparison() -> Schema:
    """Return the schema of ``compare``."""
    kinds = (compare.WORSE, compare.BETTER, compare.OTHER, compare.NEW, compare.GONE)
    change = {"kind": {"enum": list(kinds)}, "id": ANY_TEXT, "check_name": ANY_TEXT}
    moved = {"id": ANY_TEXT, "check_name": ANY_TEXT, "metric": ANY_TEXT, "unit": ANY_TEXT}
    return closed(
        {
            "overall_status": items({"$ref": "report.schema.json#/properties/overall_status"}, minItems=2, maxItems=2),
            "not_run": described(items(ANY_TEXT), "checks of the earlier report that the later validation did not run"),
            "facts": described(mapping(items({}, minItems=2, maxItems=2)), "name → before and after"),
            "changes": items(closed({**change, "before": nullable(RESULT), "after": nullable(RESULT)})),
            "moved": items(closed({**moved, "before": NUMBER, "after": NUMBER})),
        }
    )


def sample() -> Schema:
    """Return the schema of each line of ``monitor``."""
    size = nullable(COUNT)
    host = {
        "cpu_percent": described(NUMBER, "of all processors"),
        "memory_total": COUNT,
        "memory_available": COUNT,
        "disk_total": size,
        "disk_free": described(size, "of the prefix's filesystem"),
    }
    shared = {
        "cpu_percent": described(NUMBER, "100 is one core"),
        "resident": described(COUNT, "bytes"),
        "threads": COUNT,
        "read": described(size, "bytes; null where this user may not know"),
        "written": size,
    }
    process = closed({"pid": COUNT, "name": ANY_TEXT, "started": TIME, **shared})
    return closed(
        {
            "format": {"const": monitor.FORMAT},
            "time": TIME,
            "seconds": described(SECONDS, "that the percentages are of"),
            "product": nullable(ANY_TEXT),
            "release": nullable(RELEASE),
            "prefix": ANY_TEXT,
            "host": closed(host),
            "application": closed({"processes": COUNT, **shared}),
            "processes": items(process),
        }
    )


def recover() -> Schema:
    """Return the schema of ``recover``, with --dry-run too."""
    finding = {"kind": ANY_TEXT, "name": ANY_TEXT, "details": ANY_TEXT, "files": items(ANY_TEXT)}
    remedy = {
        "id": FULL_TEXT,
        "what": ANY_TEXT,
        "names": items(ANY_TEXT),
        "risk": described(FULL_TEXT, f"{NO_RISK} where there is none"),
        "effect": ANY_TEXT,
        "in_place": YES_NO,
    }
    left = {
        "name": described(ANY_TEXT, "the model, wheel or file"),
        "path": described(ANY_TEXT, "in the prefix"),
        "bundle_path": described(ANY_TEXT, "in the bundle"),
        "size": described(COUNT, "bytes"),
        "sha256": SHA256,
    }
    plan = {
        "release": nullable(RELEASE),
        "findings": items(closed(finding)),
        "remedies": items(closed(remedy)),
        "unmet": described(ANY_TEXT, "what to bring for the rest, or empty"),
        "restore": described(ANY_TEXT, "how lost data come back from a backup, or empty"),
        "left": described(items(closed(left)), "files of the release that stay damaged until then"),
        "in_part": described(YES_NO, "something is repaired, and something stays damaged"),
        "removes": described(items(going()), "releases that would go"),
        "notes": items(ANY_TEXT),
    }
    outcome = {
        "active": nullable(RELEASE),
        "former": nullable(RELEASE),
        "backup": described(nullable(ANY_TEXT), "where settings and data were backed up"),
        "audit_head": nullable(SHA256),
        "run": RUN,
        "results": described(items(RESULT), "what the checks say of the repaired files"),
        "removed": described(items(going()), "releases that are gone"),
        "in_use": described(items(going()), "releases that go once their programs have ended"),
    }
    planned = {"plan": closed(plan), "applied": YES_NO}
    return closed({**planned, **outcome}, required=planned)


def history() -> Schema:
    """Return the schema of ``history``."""
    event = {
        "time": nullable(ANY_TEXT),
        "user": ANY_TEXT,
        "action": ANY_TEXT,
        "outcome": ANY_TEXT,
        "release": ANY_TEXT,
        "version": ANY_TEXT,
        "signers": items(ANY_TEXT),
        "state": {"enum": ["", "kept", "active"]},
        "reason": ANY_TEXT,
        "usage": nullable(took()),
    }
    return closed({"events": items(closed(event)), "audit_head": nullable(SHA256)})


def audit_log() -> Schema:
    """Return the schema of ``audit-log``: its entries or, with verify and export, the state of the chain."""
    known = {"time": TIME, "user": ANY_TEXT, "action": ANY_TEXT, "outcome": ANY_TEXT, "previous": SHA256}
    entry = {"type": "object", "properties": known, "required": list(known)}
    entries = closed({"entries": items(described(entry, "more keys may come"))})
    chain = closed({"entries": COUNT, "head": SHA256, "anchored": described(YES_NO, "compared with a kept head")})
    return {"oneOf": [entries, chain]}


def backup() -> Schema:
    """Return the schema of ``backup``: the new one; with list, all; with restore, the result or the plan."""
    facts = {
        "id": described(ANY_TEXT, "what restore takes"),
        "path": ANY_TEXT,
        "created": ANY_TEXT,
        "reason": described(ANY_TEXT, "manual, or before-COMMAND"),
        "release": described(nullable(RELEASE), "the one that was active"),
        "files": COUNT,
        "left_out": described(items(ANY_TEXT), "sockets, pipes and devices in the data: at most a hundred of them"),
    }
    restored = {"restored": closed(facts), "before": described(ANY_TEXT, "the backup of what was there")}
    plan = {
        "restore": nullable(closed(facts)),
        "needed": described(COUNT, "bytes"),
        "free": described(nullable(COUNT), "bytes; null where the host does not tell"),
        "fits": YES_NO,
    }
    made = closed({**facts, "audit_head": HEAD, "run": RUN})
    listed = closed({"backups": items(closed(facts))})
    return {"oneOf": [made, listed, closed({**restored, "audit_head": HEAD, "run": RUN}), closed(plan)]}


def uninstall() -> Schema:
    """Return the schema of ``uninstall``."""
    outside = described(items(closed({"path": ANY_TEXT, "what": ANY_TEXT})), "folders outside of the prefix that stay")
    return closed({"prefix": ANY_TEXT, "stays": items(ANY_TEXT), "outside": outside, "audit_head": HEAD, "run": RUN})


def schedule() -> Schema:
    """Return the schema of ``schedule``."""
    return closed(
        {
            "files": described(items(ANY_TEXT), "what was written or removed, or would be in a dry run"),
            "commands": described(items(items(ANY_TEXT)), "what enables and starts it, or stops it"),
            "done": described(YES_NO, "these commands were run"),
            "failed": described(items(ANY_TEXT), "those that failed, and why"),
            "run": RUN,
        }
    )


def error() -> Schema:
    """Return the schema of what any command prints instead of its result if it fails."""
    codes = sorted({code for _kind, code in EXIT_CODES} | {BUG})
    inside = {
        "code": described({"enum": codes}, "the exit code"),
        "what": described(FULL_TEXT, "one sentence: what happened, to which file"),
        "advice": described(ANY_TEXT, "what to do next, or empty"),
    }
    return closed({"error": closed(inside)})
