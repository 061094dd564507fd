"""A partial download: appended to, hashed as it grows, limited in size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from builder.fetch.cache import Digest, HashMismatchError
from bundle.digest import BLOCK
from bundle.manifest import FILE_SIZE_LIMIT
from shared.i18n import _

if TYPE_CHECKING:
    import hashlib
    import threading
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Remote:
    """One file to fetch. ``size`` in bytes limits what is read; ``name`` is used in errors."""

    name: str
    url: str = field(repr=False)
    digest: Digest
    size: int | None = None


class StoppedError(Exception):
    """A download was stopped: another file failed, or the user interrupted the build."""


class Partial:
    """A partial download, hashed as it grows; the bytes that an earlier run left are hashed first."""

    def __init__(self, file: Remote, out: IO[bytes], count: Callable[[int], None]) -> None:
        self.file, self.out, self.count = file, out, count
        self.hasher: hashlib._Hash = file.digest.hasher(file.size)
        self.size = 0
        self.limit = FILE_SIZE_LIMIT - 1 if file.size is None else file.size
        out.seek(0)
        for block in iter(lambda: out.read(BLOCK), b""):
            self._account(block)
        if self.size > self.limit:
            self.restart()

    def _account(self, block: bytes) -> None:
        self.hasher.update(block)
        self.size += len(block)
        self.count(len(block))

    def take(self, blocks: Iterable[bytes], stop: threading.Event) -> None:
        """Append blocks. Raises HashMismatchError if they exceed the size limit, StoppedError if ``stop`` is set."""
        for block in blocks:
            if stop.is_set():
                raise StoppedError
            if self.size + len(block) > self.limit:
                raise HashMismatchError(
                    _("{file} is larger than the limit of {size} bytes.").format(file=self.file.name, size=self.limit),
                    advice=_wrong_file(),
                )
            self.out.write(block)
            self._account(block)

    def restart(self) -> None:
        self.out.truncate(0)
        self.count(-self.size)
        self.size = 0
        self.hasher = self.file.digest.hasher(self.file.size)

    def check(self) -> None:
        self.out.flush()
        found = self.hasher.hexdigest()
        if found != self.file.digest.value:
            raise HashMismatchError(
                _("Digest mismatch for {file}: expected {expected}, got {found}.").format(
                    file=self.file.name, expected=self.file.digest, found=f"{self.file.digest.algorithm}:{found}"
                ),
                advice=_wrong_file(),
            )


def _wrong_file() -> str:
    return _("Do not use this file; find out whether the index, a proxy or the lockfile changed, then build again.")
