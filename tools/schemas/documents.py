"""The schemas of all commands by their file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.schemas.advisories import advisories, attested, snapshot_made
from tools.schemas.builder import build, cache_info, cache_prune, plan, rebuild, sign, targets
from tools.schemas.fleet import enrolled, fleet, stated, statement
from tools.schemas.host import (
    audit_log,
    backup,
    comparison,
    error,
    history,
    list_checks,
    recover,
    sample,
    schedule,
    status,
    uninstall,
)
from tools.schemas.install import dry_run, index, install, rehearsal, verify
from tools.schemas.trust import policies, trust
from tools.schemas.words import DRAFT, Schema

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "verify": verify,
    "index": index,
    "install": install,
    "install-dry-run": dry_run,
    "dry-run": rehearsal,
    "status": status,
    "list-checks": list_checks,
    "compare": comparison,
    "monitor": sample,
    "schedule": schedule,
    "recover": recover,
    "backup": backup,
    "history": history,
    "audit-log": audit_log,
    "uninstall": uninstall,
    "trust": trust,
    "advisories": advisories,
    "statement": stated,
    "statement-file": statement,
    "fleet": fleet,
    "fleet-enroll": enrolled,
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
    """Return the schema of each command by its file name; ``report.schema.json`` is created in tools/reference.py."""
    return {
        f"{name}.schema.json": {"$schema": DRAFT, "title": titled(make), **make()} for name, make in COMMANDS.items()
    }


def titled(make: Callable[[], Schema]) -> str:
    """Return the title of a schema, derived from the docstring of its function."""
    return f"JSON of {(make.__doc__ or '').removeprefix('Return the schema of ').rstrip('.')}".replace("``", "")
