"""Build a release at its final path: source, environment, models and the files that start it.

All files come from the store, so that installation, repair and reinstallation share this code.
"""

from __future__ import annotations

import contextlib
import logging
import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from bundle.lock import PYLOCK, rows_of, write_pylock
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from bundle.reading.medium import drain
from bundle.wheels import conflicts, overlaps, record, sizes
from bundle.wheels import structure as wheels
from installer.layout import proofs
from installer.layout.prefix import TEMPORARY
from installer.release import launchers, tools_environment
from installer.userdata import persist
from shared.files import files
from shared.i18n import _, plural
from shared.processes import cgroups
from shared.processes.beside import Beside
from shared.programs.uv import Uv, base_interpreter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Self

    from bundle.manifest import FileEntry, Manifest, Package
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
# bytes of wheels from which on two installations pay; the part of them that is enough for the first one, 1 in so many;
# bytes of memory for uv beside this process
LEAST, SHARE, ROOM = 64 << 20, 3, 1 << 30
LOG = logging.getLogger("ragtrace")


def verify_into_store(
    admitted: AdmittedBundle, store: Store, progress: Progress, first: FirstWheels | None = None
) -> None:
    """Read the whole bundle once: verify every file, and add those that releases are built from to the store.

    ``first`` learns the files that were written, so that this run need not read them again, and may install the first
    wheels meanwhile. Preflight has checked before that the store holds the files that a delta bundle leaves out.
    """
    bundle = admitted.bundle
    progress.step(_("Verifying the bundle"))

    def keep(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        if not entry.is_stored:
            drain(blocks)
            return
        store.add(entry, blocks, first.digests.learn if first else None)
        if first and bundle.is_archive:  # else several threads are here
            first.offer(entry)

    with progress.task(bundle.name, bundle.bytes_brought) as task:
        bundle.visit(keep, task.advance)


def require_unpacked_size(manifest: Manifest, store: Store, entries: Iterable[FileEntry] | None = None) -> None:
    """Raise TrustError if the wheels, or these, unpack to more than the manifest states, which could fill the disk."""
    wanted = [*manifest.of_kind("wheel"), *tools_environment.entries_of(manifest)] if entries is None else [*entries]
    stored = tools_environment.stored(wanted, store)
    sizes.require_unpacked_size(manifest, [wheels.unpacked(path, name) for path, name in stored])


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
    installation: Installation, python: Path, progress: Progress, first: FirstWheels | None = None
) -> None:
    """Create the virtual environment from the stored wheels, with exactly the packages of the manifest.

    ``first`` has perhaps installed some of them, and keeps the files that uv works with.
    """
    packages = installation.manifest.packages
    text = plural("Installing {count} package", "Installing {count} packages", len(packages))
    with progress.wait(text.format(count=len(packages))):
        if first is not None:
            first.complete()
            return
        scratch = installation.release.path / SCRATCH
        uv = Uv(scratch)
        try:
            uv.venv(installation.release.venv, python)
            if packages:
                sync_environment(uv, installation)
        finally:
            uv.close()
            files.remove_tree(scratch)


def sync_environment(
    uv: Uv, installation: Installation, hash_of: record.Hash = record.sha256_of, *, only: Collection[str] | None = None
) -> None:
    """Install the stored wheels, or those of the packages in ``only``, with uv from a pylock.toml (PEP 751)."""
    manifest = installation.manifest
    packages = [package for package in manifest.packages if only is None or package.name in only]
    prepared = prepare(uv, installation, packages, hash_of)
    decided = conflicts.decided(manifest, prepared.stored, only)
    with wheels.blamed(prepared.stored):
        uv.sync(installation.release.python, prepared.lock)
        install_winners(uv, installation, [one for one in decided if only is None or one.winner in only])


class Prepared(NamedTuple):
    """A pylock.toml, and the path in the store and in the bundle of each wheel that it lists."""

    lock: Path
    stored: list[tuple[Path, str]]


def prepare(uv: Uv, installation: Installation, packages: Collection[Package], hash_of: record.Hash) -> Prepared:
    """Put the stored wheels of packages where uv finds them.

    The stored bytes are hashed again, unless ``hash_of`` knows them because this run wrote them (ADR 33), and the
    structure of each wheel is inspected, before uv reads it. Requirements with paths instead of a pylock.toml would
    leave direct_url.json (PEP 610) in the environment.
    """
    manifest, store = installation.manifest, installation.store
    entries = {entry.path: entry for entry in manifest.of_kind("wheel")}
    store.require((entries[package.wheel] for package in packages), hash_of)
    for package in packages:
        target = uv.scratch / "wheels" / entries[package.wheel].inner
        store.link(entries[package.wheel], target)
        wheels.inspect(target, package)
    lock = uv.scratch / "pylock.toml"
    lock.write_bytes(write_pylock(rows_of(manifest, {package.name for package in packages})))
    return Prepared(lock, tools_environment.stored([entries[package.wheel] for package in packages], store))


def install_winners(uv: Uv, installation: Installation, decided: Collection[Conflict]) -> None:
    """Install the files of conflicts from the wheels of the packages that the manifest names.

    uv installs wheels in parallel, so whose file is there is a matter of chance. Each of these wheels is installed
    alone, into an environment next to the release's, and the files are moved from there.
    """
    release, manifest = installation.release, installation.manifest
    alone, lock = uv.scratch / "alone", uv.scratch / "pylock.toml"
    for name in sorted({conflict.winner for conflict in decided}):
        uv.venv(alone, python_for(installation))
        lock.write_bytes(write_pylock(rows_of(manifest, {name})))
        uv.sync(alone / release.python.relative_to(release.venv), lock)
        for conflict in decided:
            if conflict.winner == name:
                os.replace(alone / conflict.path, release.venv / conflict.path)
        files.remove_tree(alone)


class FirstWheels:
    """A new environment, whose first wheels uv may install while the rest of an archive is still being read.

    A wheel is among them only after its last byte was compared with the manifest. Their installed files are hashed
    beside the installation of the others: nothing is concluded from that here, but whoever compares them with RECORD
    later need not read again what has not changed since (digests.py).
    """

    def __init__(self, installation: Installation, python: Path, digests: Digests) -> None:
        self.installation, self.python, self.digests = installation, python, digests
        self.offered: list[FileEntry] = []
        self._stored: list[tuple[Path, str]] = []  # of the wheels that uv was given
        self._adding, self._hashing = Beside(self._add_first), Beside(self._hash)
        self._written: list[record.Recorded] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for beside in (self._adding, self._hashing):  # the first begins the second
            beside.end()

    @cached_property
    def _uv(self) -> Uv:
        return Uv(uvs_folder(self.installation.release))

    def offer(self, entry: FileEntry) -> None:
        """Take a file that was verified; begins with a third of the wheels, if this host has room for that.

        Raises the error of the installation that was begun, if it has failed.
        """
        if self._adding.is_begun:
            self._require_first()
        elif entry.kind == "wheel":
            self.offered.append(entry)
            if self._is_time():
                self._adding.begin()

    def _is_time(self) -> bool:
        manifest = self.installation.manifest
        all_bytes = sum(entry.size for entry in manifest.of_kind("wheel"))
        enough = sum(entry.size for entry in self.offered) * SHARE >= all_bytes >= LEAST
        simple = manifest.own_python is None and not manifest.conflicts
        return enough and simple and cgroups.has_room(2, ROOM)

    def _require_first(self) -> None:
        if self._adding.error is not None:
            with wheels.blamed(self._stored):
                raise self._adding.error

    def _add_first(self) -> None:
        manifest, wanted = self.installation.manifest, {entry.path for entry in self.offered}
        require_unpacked_size(manifest, self.installation.store, self.offered)
        self._uv.venv(self.installation.release.venv, self.python)
        self._add([package for package in manifest.packages if package.wheel in wanted])
        self._written = record.recorded(self.installation.site_packages)
        self._hashing.begin()

    def _hash(self) -> None:
        for line in self._written:
            if self._hashing.is_unwanted:
                return
            self.digests(line.path)

    def _add(self, packages: list[Package]) -> None:
        """Install wheels that conflict neither with each other nor with those that were installed before."""
        prepared = prepare(self._uv, self.installation, packages, self.digests)
        self._stored += prepared.stored
        overlaps.require_none(self._stored, self.installation.manifest.target.python)
        self._uv.install(self.installation.release.python, prepared.lock)

    def complete(self) -> None:
        """Install all wheels, or those that are left after the first ones, if these were begun."""
        manifest = self.installation.manifest
        if not self._adding.is_begun:
            self._uv.venv(self.installation.release.venv, self.python)
            if manifest.packages:
                sync_environment(self._uv, self.installation, self.digests)
            return
        self._adding.wait()
        self._require_first()
        added = {entry.path for entry in self.offered}
        others = [package for package in manifest.packages if package.wheel not in added]
        if others:
            with wheels.blamed(self._stored):
                self._add(others)


def uvs_folder(release: Release) -> Path:
    """Return the folder that uv works with, beside the release, because it outlasts the inventory of that.

    Its cache has a link to each installed file. If a link is removed, its other name is not known as unchanged.
    """
    return release.path.with_name(f"{TEMPORARY[0]}uv-{release.id}")


@contextlib.contextmanager
def removing_uvs_files(release: Release) -> Iterator[Beside]:
    """Remove what uv worked with after the block, which may begin with that earlier."""
    folder = uvs_folder(release)
    removal = Beside(lambda: files.remove_tree(folder))
    try:
        yield removal
    finally:
        removal.wait()
        try:
            files.remove_tree(folder)
        except OSError as trouble:
            LOG.warning("left for the next run to clean up: %s", trouble)


def scratch_data(release: Release) -> Path:
    """Return the folder that replaces the user's data while a release is tried out."""
    return release.path / SCRATCH / "data"


def try_out_data(installation: Installation) -> None:
    """Link the release's persistent folders to a scratch copy while it is tried out."""
    scratch = scratch_data(installation.release)
    persist.write_scratch(scratch, installation.manifest, installation.store)
    persist.link_to(installation.release, installation.manifest, scratch)


def end_try_out(release: Release) -> None:
    """Remove the scratch copy and all that the trial wrote to it."""
    files.remove_tree(release.path / SCRATCH)
