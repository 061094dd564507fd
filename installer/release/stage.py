"""Build a release at its final path: source, environment, models and the files that start it.

The bundle is verified into the store first, and its signed metadata is written beside. Everything else of a release
comes from the store, so that installation, repair and reinstallation share this code.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bundle.lock import PYLOCK
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from bundle.reading.medium import drain
from bundle.wheels import sizes, structure
from installer.layout import proofs
from installer.release import launchers, tools_environment
from installer.release.environment.wheels import SCRATCH, Environment
from installer.userdata import persist
from shared.files import files
from shared.i18n import _, plural
from shared.programs.uv import base_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest
    from installer.layout.release import Release
    from installer.layout.store import Store
    from installer.release.environment.meanwhile import Arrivals
    from installer.release.installation import Installation
    from installer.trust.admission import AdmittedBundle
    from shared.terminal.progress import Progress

INTERPRETER = "interpreter"  # a file with the path of the Python that runs the installed tool
PYTHON_FOLDER = "python"  # in a release whose bundle provides its own Python
PLUGINS = "plugins"  # in a release's bundle folder
PROGRAM = 0o755


def verify_into_store(
    admitted: AdmittedBundle, store: Store, progress: Progress, arrivals: Arrivals | None = None
) -> None:
    """Read the whole bundle once: verify every file, and add those that releases are built from to the store.

    ``arrivals`` gets each stored file, and learns the digests of those that were written, so that this run need not
    read them again. Preflight has checked before that the store holds the files that a delta bundle leaves out.
    """
    bundle = admitted.bundle
    progress.step(_("Verifying the bundle"))

    def keep(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        if entry.is_stored:
            store.add(entry, blocks, arrivals.digests.learn if arrivals else None)
            if arrivals:
                arrivals.add(entry)
        else:
            drain(blocks)

    with progress.task(bundle.name, bundle.bytes_brought) as task:
        bundle.visit(keep, task.advance)


def require_unpacked_size(manifest: Manifest, store: Store) -> None:
    """Raise TrustError if the stored wheels unpack to more than the manifest states, which could fill the disk."""
    stored = store.wheels([*manifest.of_kind("wheel"), *tools_environment.entries_of(manifest)])
    sizes.require_unpacked_size(manifest, [structure.unpacked(path, name) for path, name in stored])


def write_bundle_files(admitted: AdmittedBundle, release: Release) -> None:
    """Write the bundle's signed metadata into the release, as proof of its origin."""
    release.bundle.mkdir(parents=True)
    proofs.metadata_of(admitted.bundle).write(release.bundle)


def python_for(installation: Installation) -> Path:
    """Return the interpreter for the release's environments: the one that the bundle provides, else the host's."""
    own = installation.manifest.own_python
    return installation.release.path / PYTHON_FOLDER / own if own else base_interpreter()


def write_python(installation: Installation) -> None:
    """Write the Python that the bundle provides; programs are copies, as files of the store are not executable."""
    store = installation.store
    for entry in installation.manifest.of_kind("interpreter"):
        target = installation.release.path / PYTHON_FOLDER / entry.inner
        if entry.mode == PROGRAM:
            store.copy(entry, target)
            target.chmod(PROGRAM)
        else:
            store.stage(entry, target)


def stage_files(installation: Installation, python: Path) -> None:
    """Write everything of a release except the application's environment.

    That is Python, source, models, plugins, installer and launcher; uv builds the scanners' environment too.
    """
    release, manifest, store = installation.release, installation.manifest, installation.store
    write_python(installation)
    release.app.mkdir(parents=True, exist_ok=True)
    for entry in manifest.of_kind("source"):
        store.copy(entry, release.app / entry.inner)
    for entry in manifest.of_kind("model"):
        store.stage(entry, release.models / entry.inner)
    for entry in manifest.of_kind("plugin"):
        store.stage(entry, release.bundle / PLUGINS / entry.inner)
    for path, name in ((PYLOCK, "pylock.toml"), (INSTALLER_MEMBER, INSTALLER)):
        entry_or_none = manifest.entry(path)
        if entry_or_none is not None:
            store.stage(entry_or_none, release.bundle / name)
    tools_environment.stage(installation, python)
    launchers.write_run_files(installation)
    (release.path / INTERPRETER).write_text(f"{python}\n", encoding="utf-8")


def counterpart(release: Release, entry: FileEntry) -> Path | None:
    """Return the path of a stored file in a release, or None if the release does not contain it, as with wheels."""
    folders = {
        "source": release.app,
        "model": release.models,
        "plugin": release.bundle / PLUGINS,
        "interpreter": release.path / PYTHON_FOLDER,
    }
    if entry.kind in folders:
        return folders[entry.kind] / entry.inner
    if entry.kind == tools_environment.VERIFICATION:
        return None if tools_environment.is_tool(entry) else tools_environment.stored_at(release, entry)
    if entry.path == PYLOCK:
        return release.bundle / "pylock.toml"
    return release.bundle / INSTALLER if entry.path == INSTALLER_MEMBER else None


def stage_environment(
    installation: Installation, python: Path, progress: Progress, arrivals: Arrivals | None = None
) -> None:
    """Create the virtual environment from the stored wheels, with exactly the packages of the manifest.

    ``arrivals`` may have installed some of them already.
    """
    packages = installation.manifest.packages
    environment = arrivals.environment if arrivals else Environment(installation, python)
    text = plural("Installing {count} package", "Installing {count} packages", len(packages))
    with progress.wait(text.format(count=len(packages))):
        try:
            if arrivals:
                arrivals.complete()
            else:
                environment.make()
                environment.install({package.name for package in packages})
            environment.install_winners()
        finally:
            environment.close()


def scratch_data(release: Release) -> Path:
    """Return the folder that replaces the user's data while a release is tested."""
    return release.path / SCRATCH / "data"


@contextlib.contextmanager
def on_scratch_data(installation: Installation) -> Iterator[None]:
    """Link the persistent folders of a release that is being built to ``scratch_data``, made for the block.

    The data is removed at the end, with everything that a trial wrote there; the links are replaced when the release is
    done.
    """
    scratch = scratch_data(installation.release)
    scratch.mkdir(parents=True, exist_ok=True)
    persist.write_scratch(scratch, installation.manifest, installation.store)
    persist.link_to(installation.release, installation.manifest, scratch)
    yield
    files.remove_tree(installation.release.path / SCRATCH)
