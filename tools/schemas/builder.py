"""Schemas of the JSON output of the builder's commands."""

from __future__ import annotations

from builder.project.hosts_python import INCLUDED, OPTION, PINNED, REQUIRED, RUNNING
from builder.settings.scan import CODE, DEPENDENCY, UNKNOWN
from bundle.product.accelerator import NAMES
from bundle.target import FREE_THREADED, PYTHONS
from tools.schemas.advisories import scanned
from tools.schemas.words import (
    ANY_TEXT,
    BASE,
    COUNT,
    FINGERPRINT,
    FULL_TEXT,
    PRODUCT,
    SECONDS,
    SHA256,
    TARGET,
    TEXT,
    YES_NO,
    Schema,
    closed,
    described,
    items,
    mapping,
    nullable,
)


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
    """Return the schema of the git state of a build's source."""
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
    """Return the schema of the checks that hosts will skip because the profile lacks a key."""
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
    """Return the schema of the state of a lockfile for a target, with ``more`` keys."""
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
    accelerator = closed({"kind": {"enum": list(NAMES)}, "version": TEXT}, required=["kind"])
    more = {
        "bundle_bytes": COUNT,
        "left_out": described(nullable(size), "by a delta"),
        "accelerator": described(
            nullable(accelerator), "what the wheels are built for, where a version or a name shows it"
        ),
    }
    gate = {
        "target": TARGET,
        "passes": described(YES_NO, "whether the gate lets a build with these packages go on"),
        "failing": described(items(FULL_TEXT), "the findings that end the build, the worst first"),
        "unknown_versions": described(items(FULL_TEXT), "packages that are judged once they are built from source"),
    }
    return closed(
        {
            "product": FULL_TEXT,
            "python": closed(
                {
                    "versions": items({"enum": list(PYTHONS)}),
                    "origin": described(
                        {"enum": [OPTION, INCLUDED, RUNNING, PINNED, REQUIRED]},
                        "what determined them: --python, --with-python, the Python that runs the builder, "
                        ".python-version, or requires-python",
                    ),
                }
            ),
            "targets": items(standing(more)),
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
