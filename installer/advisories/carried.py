"""What a release contains besides its application, to be scanned too: scanners, the installer's packages, Python."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from bundle.advisories.matcher import CPYTHON, PYTHON, TOOLS, ZIPAPP, Component, Installed
from bundle.names import INSTALLER
from bundle.wheels import record
from installer.release import tools_environment
from shared import reading, troubles
from shared.errors import RagtraceError
from shared.files.zips import BROKEN
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.release.installation import Installation

MEMBERS_LIMIT = 100_000  # of the installer
SETTINGS_LIMIT = 64 << 10  # bytes of pyvenv.cfg
_METADATA = re.compile(r"site-packages/(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/METADATA")
_VERSION = re.compile(r"^version(?:_info)?\s*=\s*([0-9]+\.[0-9]+\.[0-9]+[a-z0-9]*)", re.MULTILINE)


def carried(installation: Installation) -> list[Component]:
    """Return the components of a release, each with its packages or the reason why they are not known."""
    found = [_installer(installation)]
    if tools_environment.entries_of(installation.manifest):
        found.insert(0, _tools(installation))
    if next(iter(installation.manifest.of_kind("interpreter")), None) is not None:
        found.append(_python(installation))
    return found


def _tools(installation: Installation) -> Component:
    folder = tools_environment.site_of(installation.release, installation.manifest.target.python)
    packages = tuple(Installed(name, version or None) for name, version, _info in record.distributions(folder))
    return Component(TOOLS, packages, "" if packages else _("{path} contains no packages").format(path=folder))


def _installer(installation: Installation) -> Component:
    path = installation.release.bundle / INSTALLER
    try:
        packages = embedded(path)
    except BROKEN as error:
        return Component(ZIPAPP, (), troubles.reason(error, troubles.READING, path=path))
    except RagtraceError as error:
        return Component(ZIPAPP, (), error.what.rstrip("."))
    return Component(ZIPAPP, packages, "" if packages else _("{path} contains no packages").format(path=path))


def embedded(path: Path) -> tuple[Installed, ...]:
    """Return the packages that an installer embeds, by the names of their metadata; none if it has too many files.

    Raises an error of BROKEN if it is not an archive.
    """
    with reading.opened(path) as file, zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    found = (_METADATA.fullmatch(name) for name in (names if len(names) <= MEMBERS_LIMIT else ()))
    return tuple(sorted(Installed(record.normalised(one["name"]), one["version"]) for one in found if one))


def _python(installation: Installation) -> Component:
    """Return the interpreter of the bundle, with the version that its environment states."""
    path = installation.release.venv / "pyvenv.cfg"
    try:
        found = _VERSION.search(reading.read(path, SETTINGS_LIMIT).decode("utf-8", "replace"))
    except OSError as error:
        return Component(PYTHON, (), troubles.reason(error, troubles.READING, path=path))
    if found is None:
        return Component(PYTHON, (), _("{path} does not state its version").format(path=path))
    return Component(PYTHON, (Installed(CPYTHON, found[1]),))
