"""The JSON Schemas of everything that the command lines print as JSON (draft 2020-12).

What the formats describe by their fields is taken from there; a test runs every command and compares.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from builder.settings.scan import CODE, DEPENDENCY, UNKNOWN
from builder.wheels import attestations
from bundle import manifest, strict
from bundle.advisories.exceptions import JUSTIFICATIONS
from bundle.advisories.severity import LEVELS, TABLES
from bundle.product import model
from bundle.strict import INTEGER_LIMIT, TEXT_LIMIT
from bundle.target import ARCHITECTURES, FREE_THREADED, PYTHONS
from installer.logs import usage
from installer.monitoring import monitor
from recovery.repair.remedy import NO_RISK
from shared.terminal.commandline import BUG, EXIT_CODES
from validator import check, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
ANY_TEXT = {"type": "string"}
TEXT = {"type": "string", "maxLength": TEXT_LIMIT}
FULL_TEXT = {**TEXT, "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
SECONDS = {"type": "number", "minimum": 0}
YES_NO = {"type": "boolean"}
SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HEAD = {"type": "string", "pattern": "^([0-9a-f]{64})?$"}
RUN = {"description": "as in the log of the run and its audit entry", "type": "string", "pattern": "^[0-9a-f]{16}$"}
TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\\+00:00)$"}
FINGERPRINT = {"type": "string", "pattern": "^SHA256:[A-Za-z0-9+/]{43}$"}
KEYID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
RELEASE = {"type": "string", "pattern": "^[0-9]+-[0-9a-f]{12}-r[0-9]+$"}
RESULT = {"$ref": "report.schema.json#/$defs/result"}


def closed(properties: Schema, required: Iterable[str] | None = None) -> Schema:
    """Return the schema of an object that has these keys (those that are required, else all) and no other."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def described(schema: Schema, text: str) -> Schema:
    return {"description": text, **schema}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def items(schema: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": schema, **bounds}


def mapping(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


# 1. what the formats say of themselves


def value(kind: type[strict.Value]) -> Schema:
    """Return the schema of a ``strict.Value``, by the readers of its fields."""
    # those who inherit are dataclasses
    keys = {field.metadata["key"] or field.name: field.metadata for field in fields(kind)}  # type: ignore[arg-type]
    required = [name for name, metadata in keys.items() if not metadata["added"]]
    return closed({name: taken_by(metadata["read"]) for name, metadata in keys.items()}, required)


def taken_by(read: Callable[..., Any]) -> Schema:
    """Return the schema of what a reader of bundle.strict takes."""
    function, bounds = (read.func, read.keywords) if isinstance(read, partial) else (read, {})
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, strict.Value):
        return value(owner)
    inner = taken_by(bounds["of"]) if "of" in bounds else {}
    # JSON Schema searches, the readers match all of a text
    pattern = f"^(?:{bounds['pattern'].pattern})$" if "pattern" in bounds else None
    of: dict[Any, Callable[[], Schema]] = {
        strict.text: lambda: TEXT if bounds.get("empty") else FULL_TEXT,
        strict.matching: lambda: {**FULL_TEXT, "pattern": pattern},
        strict.choice: lambda: {"enum": list(bounds["choices"])},
        strict.sha256: lambda: SHA256,
        strict.integer: lambda: {
            "type": "integer",
            "minimum": bounds.get("least", 0),
            "maximum": bounds.get("most", INTEGER_LIMIT),
        },
        strict.number: lambda: NUMBER,
        strict.boolean: lambda: YES_NO,
        strict.optional: lambda: nullable(inner),
        strict.items: lambda: items(inner, maxItems=bounds["most"]),
        strict.texts: lambda: items(FULL_TEXT, maxItems=bounds.get("most", 1000)),
        strict.mapping: lambda: mapping(TEXT),
    }
    return of[function]()


TARGET = closed(
    {
        "platform": {"enum": list(ARCHITECTURES)},
        "architecture": {"enum": sorted({name for names in ARCHITECTURES.values() for name in names})},
        "python": {"enum": list(PYTHONS)},
        "glibc": nullable({"type": "string", "pattern": "^2\\.[0-9]{1,2}$"}),
    }
)
PRODUCT = value(manifest.Product)
BASE = closed({"version": TEXT, "counter": COUNT, "files": COUNT, "bytes": COUNT})


# 2. the installer's commands


def verify() -> Schema:
    """Return the schema of ``verify`` and, without the prefix, of the builder's ``inspect``."""
    signer = closed({"fingerprint": FINGERPRINT, "keyid": KEYID, "type": ANY_TEXT, "name": nullable(ANY_TEXT)})
    effects = closed(
        {
            "installed_bytes": COUNT,
            "store_bytes": COUNT,
            "commands": items(ANY_TEXT),
            "settings_required": items(ANY_TEXT),
            "kept_folders": items(ANY_TEXT),
            "imports_when_installing": items(ANY_TEXT),
            "imports_what_source_imports": YES_NO,
            "runs_when_installing": items(items(ANY_TEXT)),
            "migrates_data_with": described(nullable(items(ANY_TEXT)), "run on a copy of data of another layout"),
        }
    )
    facts = {
        "bundle": described(ANY_TEXT, "the archive or unpacked root"),
        "product": PRODUCT,
        "target": TARGET,
        "built_claimed": described(TIME, "as its signers say: a signature carries no time"),
        "source_commit": nullable(ANY_TEXT),
        "signers": items(signer),
        "signers_trusted": described(YES_NO, "false: nobody has judged them"),
        "files": COUNT,
        "bytes": COUNT,
        "base": described(nullable(BASE), "what a delta builds on and leaves out"),
        "manifest_sha256": SHA256,
        "packages": items(value(manifest.Package)),
        "models": items(value(model.Model)),
        "largest": items(closed({"path": ANY_TEXT, "bytes": COUNT})),
        "effects": described(effects, "what installing it will do to a host"),
    }
    here = {
        "prefix": described(ANY_TEXT, "where it would be installed"),
        "writes": described(items(ANY_TEXT), "the folders that installing it writes into"),
    }
    return closed({**facts, **here}, required=facts)


def install() -> Schema:
    """Return the schema of ``install``, ``rollback`` and ``upgrade``."""
    return closed(
        {
            "prefix": ANY_TEXT,
            "active": described(RELEASE, "the release that is active now"),
            "former": described(nullable(RELEASE), "the one that was before"),
            "audit_head": described(HEAD, "to keep elsewhere: audit-log verify --head"),
            "tool": described(ANY_TEXT, "this tool's command in the prefix"),
            "former_tool": described(nullable(ANY_TEXT), "what it was before, where this run has changed it"),
            "already": described(YES_NO, "it was active and whole: nothing was changed"),
            "removed": described(items(going()), "releases that are gone"),
            "in_use": described(items(going()), "releases that go once their programs have ended"),
            "run": RUN,
            **lacking(),
        }
    )


def going() -> Schema:
    """Return the schema of a release that goes."""
    return closed(
        {
            "release": RELEASE,
            "version": described(ANY_TEXT, "empty where its manifest is damaged"),
            "data": described(nullable(ANY_TEXT), "the data of another layout that go with it"),
            "replaced": described(YES_NO, "another of the same version takes its place"),
            "processes": described(items(COUNT), "those that run from it, as far as they can be seen"),
        }
    )


def lacking() -> Schema:
    """Return what an application lacks before it starts."""
    names = described(nullable(items(FULL_TEXT)), "required, and set by nobody; null where the file cannot be read")
    model = closed(
        {
            "name": FULL_TEXT,
            "source": described(FULL_TEXT, "where to get it: hf:ORG/NAME@REVISION, or path:FOLDER of the builder's"),
            "folder": described(FULL_TEXT, "where to put its files"),
            "advice": ANY_TEXT,
        }
    )
    return {
        "missing_settings": closed({"file": described(ANY_TEXT, "where to write NAME=value for each"), "names": names}),
        "missing_models": described(items(model), "models that come another way than in the bundle"),
    }


def dry_run() -> Schema:
    """Return the schema of ``install --dry-run``."""
    finding = closed(
        {
            "name": ANY_TEXT,
            "fits": YES_NO,
            "details": ANY_TEXT,
            "advice": ANY_TEXT,
            "warns": described(YES_NO, "it fits and should be known all the same"),
        }
    )
    return closed(
        {
            "prefix": ANY_TEXT,
            "fits": described(YES_NO, "all do, or there is nothing to do"),
            "findings": items(finding),
            "already": described(YES_NO, "the release is active and whole: nothing would be done"),
            "damaged": described(ANY_TEXT, "what is wrong with it where it is active and not whole, else empty"),
            "removes": described(items(going()), "releases that would go"),
            **lacking(),
        }
    )


def took() -> Schema:
    size = nullable(COUNT)
    return closed(
        {
            "seconds": {
                "type": "object",
                "properties": dict.fromkeys(usage.PHASES, SECONDS),
                "additionalProperties": False,
            },
            "peak_memory": described(size, "bytes, of the installer"),
            "peak_memory_uv": described(size, "bytes, of uv"),
            "peak_memory_programs": described(size, "bytes, of the largest program that was called"),
            "written": described(size, "bytes that went to a disk"),
        }
    )


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
    return closed({"prefix": ANY_TEXT, "active": active, "releases": releases, "audit_head": head})


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
    """Return the schema of ``audit-log``: its entries, or with verify and export how it stands."""
    known = {"time": TIME, "user": ANY_TEXT, "action": ANY_TEXT, "outcome": ANY_TEXT, "previous": SHA256}
    entry = {"type": "object", "properties": known, "required": list(known)}
    entries = closed({"entries": items(described(entry, "more keys may come"))})
    chain = closed({"entries": COUNT, "head": SHA256, "anchored": described(YES_NO, "compared with a kept head")})
    return {"oneOf": [entries, chain]}


def backup() -> Schema:
    """Return the schema of ``backup``: the one that was made, with list all, with restore what was done, or a plan."""
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
    return closed({"prefix": ANY_TEXT, "stays": items(ANY_TEXT), "audit_head": HEAD, "run": RUN})


def policy(more: Schema | None = None) -> Schema:
    """Return the schema of a policy as it is shown: fingerprints rather than keys."""
    key = {
        "keyid": KEYID,
        "fingerprint": FINGERPRINT,
        "name": FULL_TEXT,
        "from": nullable(TIME),
        "until": nullable(TIME),
    }
    role = {"threshold": {"type": "integer", "minimum": 1}, "keys": items(KEYID)}
    return closed({"number": COUNT, "roles": mapping(closed(role)), "keys": items(closed(key)), **(more or {})})


def trust() -> Schema:
    """Return the schema of ``trust show``, ``trust update`` and ``trust accept-memory``."""
    state = {
        "source": nullable(FULL_TEXT),
        "policy": nullable(policy()),
        "prefix_policy": nullable(policy()),
        "host_folder": ANY_TEXT,
        "counters": described(mapping(COUNT), "product → the least release counter that is accepted"),
    }
    counters = state["counters"]
    remembered = {"policy": COUNT, "counters": counters}
    problems = described(items(ANY_TEXT), "what is wrong with which file")
    were = closed({"folder": ANY_TEXT, **remembered, "rebuilt": YES_NO, "problems": problems})
    accepted = {"accepted": closed(remembered), "were": items(were), "audit_head": nullable(SHA256)}
    taken = closed({"taken": described(items(COUNT), "numbers of the new policies")})
    return {"oneOf": [closed(state), taken, closed(accepted)]}


def error() -> Schema:
    """Return the schema of what any command prints instead of its result when it stops."""
    codes = sorted({code for _kind, code in EXIT_CODES} | {BUG})
    inside = {
        "code": described({"enum": codes}, "the exit code"),
        "what": described(FULL_TEXT, "one sentence: what happened, to which file"),
        "advice": described(ANY_TEXT, "what to do next, or empty"),
    }
    return closed({"error": closed(inside)})


# 3. the builder's commands


def build() -> Schema:
    """Return the schema of the builder's ``build``."""
    bundle = {
        "folder": described(ANY_TEXT, "what travels"),
        "archive": ANY_TEXT,
        "archive_files": described(
            items(ANY_TEXT, minItems=1), "what holds the archive: one file, or its volumes in order"
        ),
        "product": PRODUCT,
        "target": TARGET,
        "packages": COUNT,
        "bytes": COUNT,
        "base": described(nullable(BASE), "what a delta builds on and leaves out"),
        "bytes_brought": described(COUNT, "of the files that travel, before they are packed"),
        "sizes": described(mapping(COUNT), "bytes of each package and model, the largest first"),
        "installer_sha256": SHA256,
        "slip": ANY_TEXT,
    }
    return closed(
        {
            "bundles": items(closed(bundle)),
            "signers": items(FINGERPRINT),
            "seconds": mapping(SECONDS),
            "attestations": described(mapping(COUNT), "wheels by verdict (PEP 740), empty where nobody looked"),
            "unchecked": unchecked(),
            "source_state": source_state(),
        }
    )


def source_state() -> Schema:
    """Return the schema of what the source of a build is."""
    return closed(
        {
            "commit": nullable(FULL_TEXT),
            "changed": described(
                items(FULL_TEXT), "tracked files that differ from the commit and are taken as they are"
            ),
            "untracked": described(items(FULL_TEXT), "files that git does not track: they stay behind"),
            "uncommitted": described(
                items(FULL_TEXT), "files and folders that go into the bundle and no commit of the repository has"
            ),
        }
    )


def unchecked() -> Schema:
    """Return the schema of what hosts will skip for want of a word in the profile."""
    item = closed(
        {
            "checks": described(items(FULL_TEXT, minItems=1), "of validate"),
            "reason": FULL_TEXT,
            "add": described(TEXT, "TOML to paste into the profile"),
            "place": described({"enum": ["top", "end", "environment", "container"]}, "where in the profile it belongs"),
        }
    )
    return described(items(item), "what hosts will skip because the profile does not say what it takes")


def standing(more: Schema) -> Schema:
    """Return the schema of what a lock has for a target, and more keys."""
    python = {"enum": [*PYTHONS, *FREE_THREADED]}
    gap = closed({"name": FULL_TEXT, "version": ANY_TEXT, "reason": FULL_TEXT})
    return closed(
        {
            "target": {**TARGET, "properties": {**TARGET["properties"], "python": python}},
            "complete": described(YES_NO, "nothing is missing"),
            "wheels": COUNT,
            "bytes": described(COUNT, "of the wheels whose size the lock tells"),
            "from_source": described(items(FULL_TEXT), "packages that would be built here"),
            "python_range": nullable(items(COUNT, minItems=2, maxItems=2)),
            "missing": items(gap),
            "error": nullable(ANY_TEXT),
            **more,
        }
    )


def plan() -> Schema:
    """Return the schema of the builder's ``build --dry-run``."""
    who = described(
        {"enum": [CODE, DEPENDENCY, UNKNOWN]}, "a guide alone names what a dependency may, or nobody does read"
    )
    setting = closed({"name": FULL_TEXT, "file": FULL_TEXT, "line": COUNT, "read_by": who})
    size = closed({"name": FULL_TEXT, "files": COUNT, "bytes": COUNT})
    gate = {
        "target": TARGET,
        "passes": described(YES_NO, "whether the gate lets a build with these packages go on"),
        "failing": described(items(FULL_TEXT), "the findings that end the build, the worst first"),
        "unknown_versions": described(items(FULL_TEXT), "packages that are judged once they are built from source"),
    }
    return closed(
        {
            "product": FULL_TEXT,
            "targets": items(standing({"bundle_bytes": COUNT, "left_out": described(nullable(size), "by a delta")})),
            "to_fetch": size,
            "cached": size,
            "wheels_without_size": COUNT,
            "models": items(size),
            "source": size,
            "source_state": source_state(),
            "advisories": described(
                nullable(items(closed({**scanned(), **gate}))), "for each target; null where nobody looks"
            ),
            "unlisted_settings": described(items(setting), "that neither template nor profile have; no fault"),
            "unchecked": unchecked(),
        }
    )


def targets() -> Schema:
    """Return the schema of the builder's ``targets``."""
    return closed({"targets": items(standing({"no_installer": nullable(FULL_TEXT)}))})


def cache_info() -> Schema:
    """Return the schema of the builder's ``cache info``."""
    counts = {"files": COUNT, "bytes": COUNT, "partial": COUNT, "partial_bytes": COUNT}
    return closed({"folder": FULL_TEXT, **counts})


def cache_prune() -> Schema:
    """Return the schema of the builder's ``cache prune``."""
    return closed({"folder": FULL_TEXT, "files": COUNT, "bytes": COUNT, "removed": YES_NO})


def rebuild() -> Schema:
    """Return the schema of the builder's ``rebuild --check``."""
    return closed(
        {"bundle": FULL_TEXT, "same": YES_NO, "differences": items({"place": FULL_TEXT, "reason": FULL_TEXT})}
    )


def sign() -> Schema:
    """Return the schema of the builder's ``sign``."""
    complete = described(YES_NO, "enough of those that the installer names have signed")
    return closed({"signers": items(FINGERPRINT), "complete": complete, "slip": ANY_TEXT})


def policies() -> Schema:
    """Return the schema of the builder's ``policy show``."""
    return items(policy({"signed_by": items(FINGERPRINT), "problem": nullable(ANY_TEXT)}))


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
    }


def scanned() -> Schema:
    """Return the properties of what a scan of packages means."""
    words = dict.fromkeys(("id", "package", "versions", "statement", "approver"), FULL_TEXT)
    exemption = closed({**words, "justification": {"enum": list(JUSTIFICATIONS)}, "approved": TIME, "expires": TIME})
    undecided = {"package": FULL_TEXT, "version": nullable(ANY_TEXT), "id": ANY_TEXT, "reason": FULL_TEXT}
    return {
        "status": {"enum": ["PASS", "WARN", "FAIL"]},
        "table": {"enum": list(TABLES)},
        "packages": COUNT,
        "age": {"enum": ["fresh", "old", "stale", "future"]},
        "days": {"type": "integer"},
        "counts": described(mapping(COUNT), "findings by severity"),
        "findings": items(closed(finding())),
        "excepted": items(closed({**finding(), "exception": exemption})),
        "expired": described(items(exemption), "exceptions that count no more"),
        "undecided": items(closed(undecided)),
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


COMMANDS = {
    "verify": verify,
    "install": install,
    "install-dry-run": dry_run,
    "status": status,
    "list-checks": list_checks,
    "compare": comparison,
    "monitor": sample,
    "recover": recover,
    "backup": backup,
    "history": history,
    "audit-log": audit_log,
    "uninstall": uninstall,
    "trust": trust,
    "advisories": advisories,
    "error": error,
    "builder-build": build,
    "builder-build-dry-run": plan,
    "builder-targets": targets,
    "builder-cache-info": cache_info,
    "builder-cache-prune": cache_prune,
    "builder-rebuild": rebuild,
    "builder-sign": sign,
    "builder-policy": policies,
    "builder-advisories": snapshot_made,
    "bundle-attestations": attested,
}


def schemas() -> Schema:
    """Return file name → schema of each command; ``report.schema.json`` is made beside these."""
    return {
        f"{name}.schema.json": {"$schema": DRAFT, "title": titled(make), **make()} for name, make in COMMANDS.items()
    }


def titled(make: Callable[[], Schema]) -> str:
    """Return what a schema is of, from its docstring."""
    return f"JSON of {(make.__doc__ or '').removeprefix('Return the schema of ').rstrip('.')}".replace("``", "")
