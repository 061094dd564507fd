"""Schemas of the JSON output of verifying and installing a bundle."""

from __future__ import annotations

from bundle import manifest
from bundle.product import model
from installer.logs import usage
from tools.schemas.advisories import attested_wheel
from tools.schemas.words import (
    ANY_TEXT,
    BASE,
    COUNT,
    FINGERPRINT,
    FULL_TEXT,
    HEAD,
    KEYID,
    PRODUCT,
    RELEASE,
    RUN,
    SECONDS,
    SHA256,
    TARGET,
    TIME,
    YES_NO,
    Schema,
    closed,
    described,
    items,
    nullable,
    value,
)


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
    signatures = closed({"made": COUNT, "needed": COUNT, "missing": items(FINGERPRINT)})
    again = {
        "signatures": described(nullable(signatures), "the builder's: of the keys that the installer requires"),
        "attestations": described(items(attested_wheel()), "verified again, if that was asked of the builder"),
    }
    return closed({**facts, **here, **again}, required=facts)


def index() -> Schema:
    """Return the schema of ``index``."""
    return closed({"folder": ANY_TEXT, "url": described(ANY_TEXT, "for --index-url"), "wheels": COUNT, "bytes": COUNT})


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
    """Return the schema of a release that is removed."""
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
    """Return the properties of the settings and models that an application lacks before it can start."""
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


def rehearsal() -> Schema:
    """Return the schema of ``--dry-run`` of every command but ``install``, ``upgrade``, ``recover`` and ``backup``."""
    return closed(
        {
            "ready": described(YES_NO, "nothing stands in its way"),
            "would": described(items(ANY_TEXT), "what would be done"),
            "to_fix": described(items(ANY_TEXT), "why it would be refused"),
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
