"""Log lines that no collector has confirmed: one file for each stream, in the user's state folder.

A file begins with the offset of its first unconfirmed byte, in a line of fixed length; then follow the messages as they
are sent, with their octets counted (RFC 6587, 3.4.1). A later run sends what an earlier one could not.
"""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from installer.logs.collector_address import TCP_LIMIT
from shared.errors import HostError, RagtraceError
from shared.files import files, folders, process_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "spool"
LIMIT = 16 << 20  # bytes of a run, and half of what all earlier ones may leave
MOST_FILES = 10_000
HEAD = 21  # bytes of the first line
NAME = re.compile(r"([0-9]{8})-[0-9a-f.]{16,24}\.frames")
ATTEMPTS = 30  # names that other runs may take first


class Backlog:
    """The messages of one stream, in a file or, without one, in memory; offsets count from the first message.

    Two threads use it: one appends, the other reads and confirms.
    """

    def __init__(self, path: Path | None = None, handle: int = -1, limit: int | None = None) -> None:
        self.path, self.limit = path, LIMIT if limit is None else limit
        self.confirmed, self.size, self.ended = 0, 0, False
        self._handle, self._memory, self._guard = handle, bytearray(), threading.Lock()

    @property
    def is_stored(self) -> bool:
        """Whether what is unconfirmed stays on disk when the run ends."""
        return self._handle >= 0

    def append(self, frame: bytes, *, beyond: bool = False) -> bool:
        """Store a message; return False if there is no room, which ``beyond`` ignores."""
        with self._guard:
            if self.ended or (self.size + len(frame) > self.limit and not beyond):
                return False
            if self._handle >= 0 and not self._written(frame, HEAD + self.size):
                self._move_to_memory()
            if self._handle < 0:
                self._memory += frame
            self.size += len(frame)
            return True

    def frames(self, offset: int, most: int) -> list[bytes]:
        """Return whole messages from an offset on, together at most ``most`` bytes."""
        with self._guard:
            data = b"" if self.ended else self._read(offset, min(most, self.size - offset))
        found, place = [], 0
        while length := _length_at(data, place):
            found.append(data[place : place + length])
            place += length
        return found

    def count(self, offset: int) -> int:
        """Return how many messages follow an offset."""
        number = 0
        while some := self.frames(offset, 1 << 20):
            number += len(some)
            offset += sum(map(len, some))
        return number

    def confirm(self, offset: int) -> None:
        """Record that everything before an offset has arrived."""
        with self._guard:
            self.confirmed = offset
            if self._handle >= 0 and not self.ended:
                self._written(b"%020d\n" % offset, 0)

    def end(self) -> None:
        """Close the file, and remove it unless something in it is unconfirmed."""
        with self._guard:
            if self.ended:
                return
            self.ended = True
            if self._handle >= 0:
                os.close(self._handle)
            if self.path is not None and self.confirmed >= self.size:
                with suppress(OSError):
                    files.unlink(self.path)

    def _written(self, data: bytes, place: int) -> bool:
        try:
            os.lseek(self._handle, place, os.SEEK_SET)
            return os.write(self._handle, data) == len(data)
        except OSError:
            return False

    def _move_to_memory(self) -> None:
        """Keep what is unconfirmed in memory, because the disk is full: it may still be sent during this run."""
        self._memory = bytearray(self._read(0, self.size))
        with suppress(OSError):
            os.ftruncate(self._handle, HEAD + self.size)
        os.close(self._handle)
        self._handle = -1

    def _read(self, offset: int, length: int) -> bytes:
        if self._handle < 0:
            return bytes(self._memory[offset : offset + length])
        try:
            os.lseek(self._handle, HEAD + offset, os.SEEK_SET)
            return os.read(self._handle, max(0, length))
        except OSError:
            return b""


def _length_at(data: bytes, place: int) -> int:
    """Return how long the message at a place is, with its count; 0 if it is incomplete or no message."""
    digits = data[place : place + 6].partition(b" ")[0]
    if not digits.isdigit() or len(digits) > 5 or not 0 < int(digits) <= TCP_LIMIT:
        return 0
    length = len(digits) + 1 + int(digits)
    return length if len(data) >= place + length else 0


def folder() -> Path:
    """Return the folder of this user's spool. Raises HostError if the user has no home."""
    return folders.user_state(folders.TOOL) / FOLDER


def create(stream: str) -> Backlog:
    """Return a new file for a stream, held until it ends; one in memory if the disk does not allow it."""
    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = max((int(name[1]) for name in _names(place)), default=0) + 1
        for attempt in range(ATTEMPTS):
            path = place / f"{number + attempt:08d}-{stream}.frames"
            with suppress(FileExistsError, FileNotFoundError):
                handle = files.open_own(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
                if process_lock.is_taken(handle, path):
                    os.write(handle, b"%020d\n" % 0)
                    return Backlog(path, handle)
                # a run that sends what earlier ones left was faster, or this filesystem has no locks
                os.close(handle)
                files.unlink(path)
    except (OSError, RagtraceError):
        pass
    return Backlog()


def earlier() -> Iterator[Backlog]:
    """Yield what ended runs left, oldest first; each is held until it ends, and no other run sends it meanwhile."""
    try:
        place = folder()
        names = sorted(_names(place), key=lambda name: name[0])
    except (OSError, RagtraceError):
        return
    for name in names:
        backlog = _held(place / name[0])
        if backlog is not None:
            yield backlog


def prune() -> int:
    """Remove the oldest files of ended runs beyond the limit; return how many unconfirmed messages were in them."""
    try:
        place = folder()
        names = sorted((name[0] for name in _names(place)), reverse=True)
    except (OSError, RagtraceError):
        return 0
    dropped, room = 0, 2 * LIMIT
    for number, name in enumerate(names):
        with suppress(OSError):
            room -= os.lstat(place / name).st_size
        backlog = _held(place / name) if room < 0 or number >= MOST_FILES else None
        if backlog is not None:
            dropped += backlog.count(backlog.confirmed)
            backlog.confirmed = backlog.size
            backlog.end()
    return dropped


def _held(path: Path) -> Backlog | None:
    """Return the file that an ended run left, held, or None if its run goes on or another one sends it."""
    try:
        handle = files.open_own(path, os.O_RDWR)
    except (OSError, HostError):
        return None
    if process_lock.is_taken(handle, path):
        with suppress(OSError):
            return _reopened(path, handle)
    os.close(handle)
    return None


def _names(place: Path) -> list[re.Match[str]]:
    return [found for found in map(NAME.fullmatch, os.listdir(place)) if found]


def _reopened(path: Path, handle: int) -> Backlog:
    """Return an existing file from its first unconfirmed message on; what does not begin as it must is removed."""
    size = max(0, os.fstat(handle).st_size - HEAD)
    head = os.read(handle, HEAD)
    backlog = Backlog(path, handle)
    backlog.size = size
    backlog.confirmed = int(head) if head[:-1].isdigit() and len(head) == HEAD and int(head) <= size else size
    # a killed run may have left a part of a message: what follows the last whole one is of no use
    end = backlog.confirmed
    while some := backlog.frames(end, 1 << 20):
        end += sum(map(len, some))
    backlog.size = end
    return backlog
