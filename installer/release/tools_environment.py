"""The tools environment of a release: scanners with their own dependencies, in ``tools/`` next to ``venv/``.

Its wheels are in 06_Verification/tools of the bundle. A bundle without such wheels provides no scanners.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from bundle.advisories import safety
from bundle.advisories.scanner import Interpreter
from bundle.advisories.snapshot import CANARIES, read_snapshot
from bundle.lock import Row, write_pylock
from bundle.manifest import KINDS, Package
from bundle.wheels import overlaps, record, structure
from shared import reading
from shared.errors import InstallError, RagtraceError
from shared.files import files
from shared.i18n import _
from shared.programs.uv import Uv

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest
    from installer.layout.release import Release
    from installer.release.installation import Installation

VERIFICATION = "verification"
FOLDER = "tools"  # in a release, and below the bundle's folder of this kind
ADVISORIES = "advisories"
SCRATCH = ".tools-work"
WITHOUT_SAFETY = (
    "3.9",
)  # Python versions for which safety's requirements have no version without a known vulnerability
LOG = logging.getLogger("ragtrace")


def entries_of(manifest: Manifest) -> list[FileEntry]:
    """Return the wheels of a bundle's scanners."""
    return [entry for entry in manifest.of_kind(VERIFICATION) if is_tool(entry)]


def is_tool(entry: FileEntry) -> bool:
    """Return whether a file of the bundle is a scanner's wheel."""
    return entry.kind == VERIFICATION and entry.inner.startswith(f"{FOLDER}/") and entry.inner.endswith(".whl")


def stored_at(release: Release, entry: FileEntry) -> Path:
    """Return the path in a release of a verification file that is not a tool."""
    return release.bundle / VERIFICATION / entry.inner


def root_of(release: Release) -> Path:
    """Return the folder of a release's tools environment, whether or not it exists."""
    return release.path / FOLDER


def python_of(release: Release) -> Path:
    """Return the interpreter of a release's tools environment."""
    return root_of(release) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def site_of(release: Release, python: str) -> Path:
    """Return the folder of the scanners' packages; ``python`` is the manifest's Python version, for example 3.11."""
    return root_of(release) / ("Lib/site-packages" if sys.platform == "win32" else f"lib/python{python}/site-packages")


def stage(installation: Installation, python: Path) -> None:
    """Write the bundle's verification files, and create the tools environment from its wheels.

    Raises InstallError if an installed file does not match its RECORD.
    """
    release, manifest, store = installation.release, installation.manifest, installation.store
    for entry in manifest.of_kind(VERIFICATION):
        if not is_tool(entry):
            store.stage(entry, stored_at(release, entry))
    tools = entries_of(manifest)
    if not tools:
        return
    scratch = release.path / SCRATCH
    uv = Uv(scratch)
    try:
        uv.venv(root_of(release), python)
        install(uv, tools, installation)
    finally:
        uv.close()
        files.remove_tree(scratch)
    with structure.blamed(store.wheels(tools)):
        if not record.survey(site_of(release, manifest.target.python)).clean:
            raise InstallError(_("{path} does not match its RECORD.").format(path=root_of(release)))
    warm_up(installation)


def install(uv: Uv, tools: list[FileEntry], installation: Installation) -> None:
    """Install wheels with uv into the environment, after inspecting the structure of each."""
    release, store = installation.release, installation.store
    scratch = release.path / SCRATCH
    store.require(iter(tools))
    rows = []
    for entry in tools:
        package = package_of(entry)
        name = entry.path.rpartition("/")[2]
        store.link(entry, scratch / "wheels" / name)
        structure.inspect(scratch / "wheels" / name, package)
        rows.append(Row(name, package.name, package.version, entry.sha256))
    overlaps.require_none(store.wheels(tools), installation.manifest.target.python)
    lock = scratch / "pylock.toml"
    lock.write_bytes(write_pylock(rows))
    with structure.blamed(store.wheels(tools)):
        uv.sync(python_of(release), lock)


def package_of(entry: FileEntry) -> Package:
    """Return the package that a wheel's file name specifies. Raises TrustError if the name is invalid."""
    return Package(*structure.named(entry.path), entry.path, None)


def warm_up(installation: Installation) -> None:
    """Run safety once with the bundled snapshot, if any, to write its bytecode before the release is sealed.

    A failure is only logged: the checks that use the scanner report it.
    """
    release = installation.release
    entry = installation.manifest.entry(f"{KINDS[VERIFICATION]}/{ADVISORIES}/advisories.zip")
    if entry is None:
        return
    try:
        snapshot = read_snapshot(reading.read(stored_at(release, entry), entry.size))
        asked = {(canary.package, canary.version) for canary in CANARIES}
        safety.find_hits(Interpreter(python_of(release), writes_bytecode=True), snapshot, asked, limit=safety.TIMEOUT)
    except (RagtraceError, OSError) as error:
        LOG.warning("the scanners could not be tried: %s", error)
