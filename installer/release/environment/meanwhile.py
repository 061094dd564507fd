"""Installing wheels in batches while the rest of the bundle is being verified.

uv waits for the disk where verifying waits for the processor. Only wheels whose bytes were verified are installed, and
nothing of them is imported before the whole bundle and the whole environment were verified.
"""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import TYPE_CHECKING

from bundle.wheels import record, sizes, structure
from shared.errors import RagtraceError
from shared.processes import cgroups
from shared.processes.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import FileEntry
    from installer.release.digests import Digests
    from installer.release.environment.wheels import Environment

LEAST = 64 << 20  # bytes of wheels in a batch: uv takes a tenth of a second to start
ROOM = 1 << 30  # bytes of memory for uv and the process that verifies
AT_ONCE = 500  # files that are hashed before it is checked again whether the installation has failed
LOG = logging.getLogger("ragtrace")


class Arrivals:
    """The wheels that arrive in the store while a bundle is verified, and the environment that they are installed in.

    ``begin`` starts a second thread, which installs them in batches; a third hashes the files of each batch, so that
    the comparison with RECORD finds their digests. ``complete`` installs what has arrived since.
    """

    def __init__(self, environment: Environment, digests: Digests) -> None:
        self.environment, self.digests = environment, digests
        self.second = Beside(self._install_batches)
        manifest = environment.installation.manifest
        self._names = {package.wheel: package.name for package in manifest.packages}
        self._waiting: list[FileEntry] = []
        self._unpacked: list[sizes.Unpacked] = []
        self._is_closed = self._is_cancelled = False
        self._changed = Condition()

    def add(self, entry: FileEntry) -> None:
        """Announce a verified file that is in the store now."""
        if entry.path in self._names:
            with self._changed:
                self._waiting.append(entry)
                self._changed.notify()

    def complete(self) -> None:
        """Install all packages that are not installed yet. Raises what the second thread failed with."""
        self._close()
        if self.second.ident is not None and not self.second.succeeded():
            error = self.second.error
            if isinstance(error, RagtraceError):
                raise error
            LOG.debug("installed again, in one batch: %s", error)  # not enough resources on this host after all
            self.environment.discard()
        self.environment.make()
        missing = set(self._names.values()) - self.environment.installed
        if missing:
            self.environment.install(missing)

    def end(self) -> None:
        """Stop the second thread and the programs that it runs."""
        self._is_cancelled = True
        self._close()
        self.second.end()

    def _close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _next(self) -> list[FileEntry]:
        """Wait for the next batch; returns an empty one at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or sum(entry.size for entry in self._waiting) >= LEAST)
            batch, self._waiting = self._waiting, []
        return [] if self._is_cancelled else batch

    def _install_batches(self) -> None:
        installation = self.environment.installation
        with ThreadPoolExecutor(1) as third:
            while batch := self._next():
                stored = installation.store.wheels(batch)
                self._unpacked += [structure.unpacked(path, name) for path, name in stored]
                sizes.require_unpacked_size(installation.manifest, self._unpacked)
                names = {self._names[entry.path] for entry in batch}
                self.environment.install(names)
                third.submit(self._hash, names)

    def _hash(self, names: set[str]) -> None:
        """Hash the files of installed packages; whatever cannot be read is left to the comparison."""
        lines = record.recorded(self.environment.installation.site_packages)
        paths = [line.path for line in lines if line.owner in names]
        for start in range(0, len(paths), AT_ONCE):
            if not self._is_cancelled:
                record.digests_of(paths[start : start + AT_ONCE], self.digests)


@contextlib.contextmanager
def arriving(environment: Environment, digests: Digests) -> Iterator[Arrivals]:
    """Install wheels while the block verifies the bundle, if this host has room for that.

    A bundle that provides its own Python is installed after all of it arrived, because uv needs that Python, and so is
    one whose wheels make only one batch.
    """
    arrivals, manifest = Arrivals(environment, digests), environment.installation.manifest
    is_large = sum(entry.size for entry in manifest.of_kind("wheel")) > LEAST
    has_room = is_large and manifest.own_python is None and cgroups.has_room(2, ROOM)
    try:
        if has_room:
            arrivals.second.begin()
        yield arrivals
    except BaseException:
        arrivals.end()
        raise
