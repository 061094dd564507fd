"""Known vulnerabilities of what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.api.here import places_or_ours
from installer.layout.location.finding import find_prefix
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.advisories.scan import InstalledScan
    from installer.advisories.update import Update
    from installer.release.installation import Installation
    from installer.trust.places import Places


def advisories_site(prefix: Path | None = None) -> Installation:
    """Return the installation that is scanned for known vulnerabilities; HostError when no release is active."""
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
    places: Places | None = None,
) -> Update:
    """Adopt a signed snapshot or file of exceptions; what is in force stays so when it is refused."""
    from installer.advisories import update as story

    installation = advisories_site(prefix)
    return story.update(file, installation, places_or_ours(places), accept_clock=accept_clock, wait=wait)


def scan_advisories(
    prefix: Path | None = None, *, table: str | None = None, vex: Path | None = None, places: Places | None = None
) -> InstalledScan:
    """Scan what is installed by the advisories in force; ``vex`` is a file for the findings as CycloneDX VEX."""
    from installer.advisories import scan as story

    installation = advisories_site(prefix)
    seen = story.scan_installed(installation, places_or_ours(places), table=table)
    if vex is not None:
        story.write_vex(vex, seen, installation)
    return seen
