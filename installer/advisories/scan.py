"""Scanning the installed packages against the snapshot in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from bundle import digest, strict
from bundle.advisories import exceptions as exempt
from bundle.advisories.assess import GATE, GATE_LIMIT, Assessment, Criteria, assess
from bundle.advisories.matcher import APPLICATION, Scan, scan, scan_carried
from bundle.advisories.reports.sarif import sarif
from bundle.advisories.severity import DEFAULT, TABLES
from bundle.advisories.vex import vex
from bundle.manifest import KINDS
from installer.advisories import retained_list
from installer.advisories.carried import carried
from installer.advisories.kinds import EXCEPTIONS, FOLDER, SNAPSHOTS, read_file
from installer.advisories.packages import installed
from installer.advisories.shrinking import require_sight
from installer.advisories.stored import in_force, spoiled
from installer.release import tools_environment
from shared import __version__, troubles
from shared.errors import HostError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.advisories.snapshot import Snapshot
    from installer.release.installation import Installation
    from installer.trust.stores import TrustStores


@dataclass(frozen=True)
class InstalledScan:
    """A scan of the installed packages: the snapshot, the findings and their assessment.

    ``updated`` is true if the snapshot was installed by an update rather than with the bundle.
    """

    snapshot: Snapshot
    scan: Scan
    assessment: Assessment
    updated: bool


@dataclass(frozen=True)
class Rating:
    """How findings are rated: a severity table, by default the one that the bundle was built with.

    With ``until_fixed``, findings without a fixed version do not fail.
    """

    table: str | None = None
    until_fixed: bool = False


def scan_installed(
    installation: Installation,
    trust_stores: TrustStores,
    *,
    rating: Rating = Rating(),
    now: datetime | None = None,
) -> InstalledScan:
    """Scan the packages of the active release, and what it contains besides, against the current snapshot.

    Raises TrustError if a file
    differs from what was signed or if the matcher misses a canary of the snapshot, HostError if the installation has no
    advisories or its environment no packages.
    """
    stored = in_force(SNAPSHOTS, installation, trust_stores)
    if stored is None:
        raise HostError(
            _("This installation has no advisories."),
            advice=_("Transfer a signed snapshot and run `advisories update FILE`."),
        )
    require_sight(stored.value)
    exceptions = in_force(EXCEPTIONS, installation, trust_stores)
    index, packages, parts = stored.value.index, installed(installation), carried(installation)
    scanned = scan_carried(index, scan(index, packages), parts)
    places = {APPLICATION: packages, **{part.where: list(part.packages) for part in parts if not part.unjudged}}
    known = retained_list.findings(stored.value, places, installation, trust_stores)
    excepted = exempt.NONE if exceptions is None else exceptions.value
    criteria = Criteria(stored.value, excepted, rating.table or table_of(installation), known, rating.until_fixed)
    assessment = assess(scanned, criteria, now or datetime.now(timezone.utc))
    return InstalledScan(stored.value, scanned, assessment, stored.updated)


def write_vex(path: Path, seen: InstalledScan, installation: Installation) -> None:
    """Write the findings of a scan as a CycloneDX VEX document."""
    product = installation.manifest.product
    document = vex(seen.assessment, product.name, product.version, datetime.now(timezone.utc))
    _write(path, document, _("Specify another file with --vex."))


def write_sarif(path: Path, seen: InstalledScan, installation: Installation) -> None:
    """Write the findings of a scan as SARIF."""
    _write(path, sarif({installation.manifest.product.name: seen.assessment}, __version__), _("Specify another file."))


def _write(path: Path, document: dict[str, Any], wanted: str) -> None:
    try:
        files.write_atomic(path, strict.dumps(document))
    except OSError as error:
        raise troubles.trouble(error, troubles.WRITING, path=path, wanted=wanted) from error


def table_of(installation: Installation) -> str:
    """Return the severity table that the bundle was built with, or the default if it records none."""
    entry = installation.manifest.entry(f"{KINDS[tools_environment.VERIFICATION]}/{FOLDER}/{GATE}")
    if entry is None:
        return DEFAULT
    path = tools_environment.stored_at(installation.release, entry)
    try:
        data = read_file(path, GATE_LIMIT)
    except OSError as error:
        raise spoiled(path, troubles.reason(error, troubles.READING, path=path)) from error
    if digest.sha256_bytes(data) != entry.sha256:
        raise spoiled(path, _("it differs from the signed file"))
    gate = strict.loads(data, entry.path, limit=GATE_LIMIT)
    table = gate.get("table") if isinstance(gate, dict) else None
    return table if isinstance(table, str) and table in TABLES else DEFAULT
