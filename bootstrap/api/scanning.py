"""Functions for known vulnerabilities of the installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.api.here import trust_stores
from installer.layout.location.finding import find_prefix
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.advisories.scan import InstalledScan
    from installer.advisories.update import Update
    from installer.release.installation import Installation


def advisories_site(prefix: Path | None = None) -> Installation:
    """Return the installation that is scanned for known vulnerabilities. Raises HostError if no release is active."""
    from installer.release.installation import active

    found = find_prefix(prefix)
    installation = active(found)
    if installation is None:
        raise HostError(
            _("No complete release is active in {path}.").format(path=found.root),
            advice=_("Install a bundle, or repair the installation with recover."),
        )
    return installation


def update_advisories(
    file: Path,
    prefix: Path | None = None,
    *,
    accept_clock: bool = False,
    wait: float = 0.0,
) -> Update:
    """Adopt a signed snapshot or exceptions file; if it is rejected, the previous file remains in force."""
    from installer.advisories import update

    installation = advisories_site(prefix)
    return update.update(file, installation, trust_stores(), update.UpdateOptions(accept_clock, wait))


def plan_advisories(file: Path, prefix: Path | None = None, *, accept_clock: bool = False) -> Update:
    """Return what ``update_advisories`` would adopt, after its checks; nothing is written."""
    from installer.advisories import update

    installation = advisories_site(prefix)
    return update.foresee(file, installation, trust_stores(), update.UpdateOptions(accept_clock))


def scan_advisories(
    prefix: Path | None = None,
    *,
    table: str | None = None,
    until_fixed: bool = False,
    vex: Path | None = None,
    sarif: Path | None = None,
) -> InstalledScan:
    """Scan the installed packages against the advisories in force.

    ``vex`` and ``sarif`` are output files; with ``until_fixed``, findings without a fixed version do not fail.
    """
    from installer.advisories import scan

    installation = advisories_site(prefix)
    seen = scan.scan_installed(installation, trust_stores(), rating=scan.Rating(table, until_fixed))
    if vex is not None:
        scan.write_vex(vex, seen, installation)
    if sarif is not None:
        scan.write_sarif(sarif, seen, installation)
    return seen
