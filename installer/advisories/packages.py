"""The installed packages: every distribution in the environment of the active release."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bundle.advisories.matcher import Installed
from bundle.wheels import record
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.release.installation import Installation


def installed(installation: Installation) -> list[Installed]:
    """Return every distribution in the release's environment, including those without metadata.

    Raises HostError if there is none although the manifest lists packages: the scan would check nothing.
    """
    folder = installation.site_packages
    found = [*_wheels_in(folder), *_eggs_in(folder)]
    if installation.manifest.packages and not found:
        raise HostError(
            _("{path} contains no packages.").format(path=folder),
            advice=_("Install a bundle, or repair the installation with recover."),
        )
    return found


def known(installation: Installation) -> list[Installed]:
    """Return the installed distributions and the packages of the manifest, even if the environment is damaged."""
    found = [Installed(one.name, one.version) for one in installation.manifest.packages]
    with contextlib.suppress(HostError, OSError):
        found += installed(installation)
    return found


def _wheels_in(folder: Path) -> Iterator[Installed]:
    for name, version, info in record.distributions(folder):
        yield Installed(name, version if version and (info / "METADATA").is_file() else None)


def _eggs_in(folder: Path) -> Iterator[Installed]:
    """Yield packages that older tools installed: they have an ``.egg-info``, which installing a wheel never creates."""
    for info in sorted(folder.glob("*.egg-info")):
        name, _dash, rest = info.stem.partition("-")
        yield Installed(record.normalised(name), record.plain_version(rest.partition("-py")[0]) or None)
