"""Build a release at its final path: source, environment, models and the files that start it.

The bundle is verified into the store first, and its signed metadata is written beside. Everything else of a release
comes from the store, so that installation, repair and reinstallation share this code.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from bundle.lock import PYLOCK, rows_of, write_pylock
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from bundle.reading.medium import drain
from bundle.wheels import conflicts, record, sizes, structure
from installer.layout import proofs
from installer.release import launchers, tools_environment
from installer.userdata import persist
from shared.files import files
from shared.i18n import _, plural
from shared.programs.uv import Uv, base_interpreter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest
    from bundle.product.conflict import Conflict
    from installer.layout.release import Release
    from installer.layout.store import Store
    from installer.release.digests import Digests
    from installer.release.installation import Installation
    from installer.trust.admission import AdmittedBundle
    from shared.terminal.progress import Progress

INTERPRETER = "interpreter"  # a file with the path of the Python that runs the installed tool
PYTHON_FOLDER = "python"  # in a release whose bundle provides its own Python
PLUGINS = "plugins"  # in a release's bundle folder
PROGRAM = 0o755
SCRATCH = ".work"


def verify_into_store(
    admitted: AdmittedBundle, store: Store, progress: Progress, digests: Digests | None = None
) -> None:
    """Read the whole bundle once: verify every file, and add those that releases are built from to the store.

    ``digests`` learns the files that were written, so that this run need not read them again. Preflight has checked
    before that the store holds the files that a delta bundle leaves out.
    """
    bundle = admitted.bundle
    progress.step(_("Verifying the bundle"))

    def keep(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        if entry.is_stored:
            store.add(entry, blocks, digests.learn if digests else None)
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
    installation: Installation, python: Path, progress: Progress, hash_of: record.Hash = record.sha256_of
) -> None:
    """Create the virtual environment from the stored wheels, with exactly the packages of the manifest."""
    release, manifest = installation.release, installation.manifest
    with progress.wait(
        plural("Installing {count} package", "Installing {count} packages", len(manifest.packages)).format(
            count=len(manifest.packages)
        )
    ):
        scratch = release.path / SCRATCH
        uv = Uv(scratch)
        try:
            uv.venv(release.venv, python)
            if manifest.packages:
                sync_environment(uv, installation, hash_of)
        finally:
            uv.close()
            files.remove_tree(scratch)


def sync_environment(
    uv: Uv, installation: Installation, hash_of: record.Hash = record.sha256_of, *, only: Collection[str] | None = None
) -> None:
    """Install the stored wheels, or those of the packages in ``only``, with uv from a pylock.toml (PEP 751).

    The stored bytes are hashed again, unless ``hash_of`` knows them because this run wrote them (ADR 33), and the
    structure of each wheel is inspected, before uv reads it. Requirements with paths instead of a pylock.toml would
    leave direct_url.json (PEP 610) in the environment.
    """
    release, manifest, store = installation.release, installation.manifest, installation.store
    scratch = release.path / SCRATCH
    packages = [package for package in manifest.packages if only is None or package.name in only]
    entries = {entry.path: entry for entry in manifest.of_kind("wheel")}
    store.require((entries[package.wheel] for package in packages), hash_of)
    for package in packages:
        target = scratch / "wheels" / entries[package.wheel].inner
        store.link(entries[package.wheel], target)
        structure.inspect(target, package)
    stored = store.wheels(entries[package.wheel] for package in packages)
    decided = conflicts.decided(manifest, stored, only)
    lock = scratch / "pylock.toml"
    lock.write_bytes(write_pylock(rows_of(manifest, only)))
    with structure.blamed(stored):
        uv.sync(release.python, lock)
        install_winners(uv, installation, [one for one in decided if only is None or one.winner in only])


def install_winners(uv: Uv, installation: Installation, decided: Collection[Conflict]) -> None:
    """Install the files of conflicts from the wheels of the packages that the manifest names.

    uv installs wheels in parallel, so which file ends up installed is a matter of chance. Each of these wheels is
    installed alone, into an environment next to the release's, and the files are moved from there.
    """
    release, manifest = installation.release, installation.manifest
    alone, lock = release.path / SCRATCH / "alone", release.path / SCRATCH / "pylock.toml"
    for name in sorted({conflict.winner for conflict in decided}):
        uv.venv(alone, python_for(installation))
        lock.write_bytes(write_pylock(rows_of(manifest, {name})))
        uv.sync(alone / release.python.relative_to(release.venv), lock)
        for conflict in decided:
            if conflict.winner == name:
                os.replace(alone / conflict.path, release.venv / conflict.path)
        files.remove_tree(alone)


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
