"""How a run fetches files: over the network into the cache, or offline from the cache alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.fetch.cache import HashMismatchError
from builder.fetch.download import Downloader
from shared.errors import BuildError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from builder.fetch.cache import Cache
    from builder.fetch.credentials import Bearer, Login
    from builder.fetch.partial import Remote
    from shared.terminal.progress import Progress

JOBS = 8  # files hashed at a time
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Fetching:
    """How files are fetched: the cache that receives them, the progress display, and the use of the network.

    ``offline`` takes them from the cache alone. ``pause`` waits the given seconds between two attempts; the default
    wait ends as soon as the downloads are stopped.
    """

    cache: Cache
    progress: Progress
    offline: bool = False
    logins: Sequence[Bearer | Login] = ()
    pause: Callable[[float], object] | None = None

    def files(self, remotes: Sequence[Remote], text: str, *, jobs: int) -> dict[Remote, Path]:
        """Return the paths of files in the cache, fetching those that are missing. Raises BuildError."""
        return self._cached(remotes) if self.offline else self.download(remotes, text, jobs=jobs)

    def download(self, remotes: Sequence[Remote], text: str, *, jobs: int) -> dict[Remote, Path]:
        """Return the paths of files in the cache, fetching those that are missing even if ``offline``."""
        downloader = Downloader(self.cache, logins=self.logins, pause=self.pause)
        return downloader.fetch_all(remotes, text, self.progress, jobs=jobs)

    def _cached(self, remotes: Sequence[Remote]) -> dict[Remote, Path]:
        """Return the paths of files in the cache, all hashed again. Raises BuildError if any is missing or damaged."""
        with ThreadPoolExecutor(JOBS) as pool:
            there = dict(zip(remotes, pool.map(self._is_cached, remotes), strict=True))
        missing = [remote.name for remote in remotes if not there[remote]]
        if missing:
            more = ["…"] if len(missing) > NAMES_SHOWN else []
            raise BuildError(
                plural(
                    "{count} file is not in the cache {folder}: {files}.",
                    "{count} files are not in the cache {folder}: {files}.",
                    len(missing),
                ).format(count=len(missing), folder=self.cache.root, files=", ".join(missing[:NAMES_SHOWN] + more)),
                advice=_("Build once without --offline, with the same --cache-dir."),
            )
        return {remote: self.cache.path(remote.digest) for remote in remotes}

    def _is_cached(self, remote: Remote) -> bool:
        try:
            return self.cache.has(remote.digest, remote.size)
        except HashMismatchError as error:
            self.progress.warn(error.what)
            return False
