"""The application's environment, which uv installs from stored wheels in one batch or in several."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from bundle.lock import rows_of, write_pylock
from bundle.wheels import conflicts, record, structure
from shared.files import files
from shared.programs.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from bundle.product.conflict import Conflict
    from installer.release.installation import Installation

SCRATCH = ".work"


class Environment:
    """The virtual environment of a release that is being built; ``python`` is the interpreter that it is based on.

    Each wheel is hashed again unless ``hash_of`` knows its digest because this run wrote it (ADR 33), and its structure
    is inspected, before uv reads it. uv gets a pylock.toml (PEP 751): requirements with paths would leave a
    direct_url.json (PEP 610) in the environment.
    """

    def __init__(self, installation: Installation, python: Path, hash_of: record.Hash = record.sha256_of) -> None:
        self.installation, self.python, self.hash_of = installation, python, hash_of
        self.installed: set[str] = set()
        self._conflicts: list[Conflict] = []  # between the wheels that are installed
        self.scratch = installation.release.path / SCRATCH

    def make(self) -> None:
        """Create the environment without packages, unless it exists."""
        if not os.path.lexists(self.installation.release.venv):
            with self._uv() as uv:
                uv.venv(self.installation.release.venv, self.python)

    def install(self, names: Collection[str]) -> None:
        """Install packages of the manifest by name; those that are installed remain as they are."""
        manifest, store, release = self.installation.manifest, self.installation.store, self.installation.release
        entries = {entry.path: entry for entry in manifest.of_kind("wheel")}
        packages = [package for package in manifest.packages if package.name in names]
        wheels = [entries[package.wheel] for package in packages]
        self.make()
        if not packages:
            return  # uv takes no lock without packages
        store.require(iter(wheels), self.hash_of)
        for package, entry in zip(packages, wheels):
            target = self.scratch / "wheels" / entry.inner
            store.link(entry, target)
            structure.inspect(target, package)
        self._conflicts = self._decided(self.installed | {package.name for package in packages})
        with self._uv() as uv, structure.blamed(store.wheels(wheels)):
            uv.install(release.python, self._lock({package.name for package in packages}))
        self.installed.update(package.name for package in packages)

    def install_winners(self) -> None:
        """Install the files of conflicts between the installed wheels from the wheels that have to win.

        uv installs wheels in parallel, so which file ends up installed is a matter of chance. Each of these wheels is
        installed alone, into an environment next to the release's, and the files are moved from there.
        """
        release = self.installation.release
        wanted = [conflict for conflict in self._conflicts if conflict.winner in self.installed]
        alone = self.scratch / "alone"
        for name in sorted({conflict.winner for conflict in wanted}):
            with self._uv() as uv:
                uv.venv(alone, self.python)
                uv.install(alone / release.python.relative_to(release.venv), self._lock({name}))
            for conflict in wanted:
                if conflict.winner == name:
                    os.replace(alone / conflict.path, release.venv / conflict.path)
            files.remove_tree(alone)

    def _decided(self, names: set[str]) -> list[Conflict]:
        """Return the conflicts between the wheels of some packages, before uv unpacks them.

        Raises TrustError if the manifest does not decide one, or if a wheel has a file of an unknown kind.
        """
        manifest = self.installation.manifest
        entries = {entry.path: entry for entry in manifest.of_kind("wheel")}
        packages = [package for package in manifest.packages if package.name in names]
        wheels = self.installation.store.wheels(entries[package.wheel] for package in packages)
        return conflicts.decided(manifest, wheels, None if len(packages) == len(manifest.packages) else names)

    def discard(self) -> None:
        """Remove the environment with everything that was installed, to begin again."""
        files.remove_tree(self.installation.release.venv)
        self.installed.clear()
        self._conflicts.clear()
        self.close()

    def close(self) -> None:
        """Remove the files that only served the installation."""
        files.remove_tree(self.scratch)

    def _lock(self, names: set[str]) -> Path:
        lock = self.scratch / "pylock.toml"
        lock.write_bytes(write_pylock(rows_of(self.installation.manifest, names)))
        return lock

    @contextlib.contextmanager
    def _uv(self) -> Iterator[Uv]:
        """Give uv with an empty cache, which is removed afterwards: it only serves to create hard links."""
        uv = Uv(self.scratch)
        try:
            yield uv
        finally:
            uv.close()
