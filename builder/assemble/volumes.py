"""Splitting an archive into volumes while it is written, for media and gateways that limit the size of a file.

``cat NAME.tar.gz.* > NAME.tar.gz`` restores the archive, byte-identical to one that was never split. Only
SHA256SUMS records the split: it lists the volumes in place of the archive.
"""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bundle.opening import volume_name
from bundle.reading.medium import Aside
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LEAST = 1_000_000  # bytes; a smaller value is a typo
MOST = 999  # volumes: their names have three digits
SIZE = re.compile(r"([1-9][0-9]{0,14})([KMGT]?)(i?)B?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Return the number of bytes for a size such as ``650M``, ``4G`` (powers of 1000) or ``4GiB`` (of 1024).

    Raises UsageError if the text is not such a size, or is less than LEAST.
    """
    found = SIZE.fullmatch(text)
    if not found or (found[3] and not found[2]):
        raise UsageError(_("{text} is not a valid size (650M, 4G or 4GiB).").format(text=text))
    base = 1024 if found[3] else 1000
    size: int = int(found[1]) * base ** " KMGT".index(found[2].upper() or " ")
    if size < LEAST:
        raise UsageError(
            _("Volumes of {size} bytes are too small.").format(size=size),
            advice=_("Specify a size of {least} bytes or more.").format(least=LEAST),
        )
    return size


class ArchiveFile:
    """The file that an archive is written to, split into volumes of ``size`` bytes unless that is None.

    Every byte is hashed as it is written. An archive that fits into one volume is not split.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path, self.size = path, size
        self.digests: dict[str, str] = {}
        self.worker = ThreadPoolExecutor(1)
        self.filled = 0
        self._open()

    def close(self) -> None:
        """Close the file and end its thread, even if writing is incomplete."""
        self.file.close()
        self.worker.shutdown()

    def _open(self) -> None:
        number = len(self.digests) + 1
        if number > MOST:
            raise BuildError(
                _("{archive} would have more than {most} volumes.").format(archive=self.path.name, most=MOST),
                advice=_("Specify a larger --volume-size."),
            )
        name = self.path.name if self.size is None else volume_name(self.path.name, number)
        self.file = self.path.with_name(name).open("wb")
        self.digest, self.filled = Aside(self.worker), 0

    def _end(self) -> None:
        self.file.close()
        self.digests[os.path.basename(self.file.name)] = self.digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Write to the open volume, continuing in new ones if it is full."""
        while self.size is not None and self.filled + len(data) > self.size:
            room = self.size - self.filled
            self._write(data[:room])
            data = data[room:]
            self._end()
            self._open()
        self._write(data)

    def _write(self, data: bytes) -> None:
        self.file.write(data)
        self.digest.update(data)
        self.filled += len(data)

    def finish(self) -> dict[str, str]:
        """End the last volume; return the SHA-256 of each file by name."""
        self._end()
        if self.size is not None and len(self.digests) == 1:
            ((name, sha256),) = self.digests.items()
            self.path.with_name(name).rename(self.path)
            return {self.path.name: sha256}
        return dict(self.digests)


def sha256_of(volumes: Sequence[Path]) -> str:
    """Return the SHA-256 of the archive that consists of these volumes."""
    digest = hashlib.sha256()
    for path in volumes:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
