"""A disk that remembers: an image behind FUSE, below a loop device, that notes every write and flush.

The loop device passes writes on to the file that it stands on, and a flush (also the one that a write with
FUA becomes) as fsync. The file is the root of a FUSE mount and is never cached, so each arrives here in the
order in which the disk would see it. The protocol is the kernel's: include/uapi/linux/fuse.h, 7.31.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.hosts import needs
from tests.reliability import mounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 3, 4, 14, 15, 16, 17, 18, 20, 25, 26
FORGET, INTERRUPT, DESTROY, BATCH_FORGET = 2, 36, 38, 42
NO_ANSWER = (FORGET, INTERRUPT, BATCH_FORGET)
MAX_WRITE = 1 << 20  # bytes of one request
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22  # flags of INIT
DIRECT_IO = 1  # flag of OPEN
HEADER, ANSWER = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
PLACE = struct.Struct("<QQI")  # of READ and WRITE: handle, offset, size
WRITE_HEADER = HEADER.size + 40


@dataclass(frozen=True)
class Write:
    """Bytes that were written at an offset."""

    offset: int
    data: bytes


@dataclass
class Tape:
    """What a disk was told: writes, and None for each flush; ``began`` and ``ended`` are places in it."""

    events: list[Write | None] = field(default_factory=list)
    began: int = 0
    ended: int = 0


class Recorder(threading.Thread):
    """Answers the kernel for one image until it is unmounted."""

    def __init__(self, image: Path, channel: int) -> None:
        super().__init__(daemon=True)
        self.image, self.channel = os.open(image, os.O_RDWR), channel
        self.tape = Tape()
        self.start()

    def run(self) -> None:
        try:
            while True:
                try:
                    request = os.read(self.channel, MAX_WRITE + (64 << 10))
                except OSError as error:
                    if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                        continue
                    return  # ENODEV: unmounted
                self._serve(request)
        finally:
            os.close(self.image)

    def _serve(self, request: bytes) -> None:
        _length, code, unique, _node, _user, _group, _process, _more = HEADER.unpack_from(request)
        if code in NO_ANSWER:
            return
        try:
            error, answer = 0, self._answer(code, request)
        except OSError as failed:
            error, answer = -(failed.errno or errno.EIO), b""
        os.write(self.channel, ANSWER.pack(ANSWER.size + len(answer), error, unique) + answer)

    def _answer(self, code: int, request: bytes) -> bytes:
        if code == WRITE:
            _handle, offset, size = PLACE.unpack_from(request, HEADER.size)
            data = request[WRITE_HEADER : WRITE_HEADER + size]
            os.pwrite(self.image, data, offset)
            self.tape.events.append(Write(offset, data))
            return struct.pack("<II", size, 0)
        if code == READ:
            _handle, offset, size = PLACE.unpack_from(request, HEADER.size)
            return os.pread(self.image, size, offset)
        if code == FSYNC:
            self.tape.events.append(None)
            return b""
        if code == INIT:
            flags = BIG_WRITES | MAX_PAGES
            return struct.pack("<IIIIHHIIHH32x", 7, 31, 0, flags, 16, 12, MAX_WRITE, 1, MAX_WRITE >> 12, 0)
        if code == OPEN:
            return struct.pack("<QII", 0, DIRECT_IO, 0)
        if code in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self._attributes()
        if code == STATFS:
            return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
        if code in (RELEASE, FLUSH, DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "not served")

    def _attributes(self) -> bytes:
        size = os.fstat(self.image).st_size
        mode = stat.S_IFREG | 0o600
        return struct.pack("<QQQQQQIIIIIIIIII", 1, size, size >> 9, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


@contextmanager
def recorded(image: Path, device: Path) -> Iterator[Tape]:
    """Let an image appear at ``device``, and give the tape of what is written there. Raises Unavailable."""
    try:
        channel = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise needs.Unavailable(f"block writes are recorded through FUSE: {error}", installable=False) from error
    try:
        device.touch()
        try:
            mounts.mount_fuse(channel, device)
        except OSError as error:
            raise needs.Unavailable(f"block writes are recorded through FUSE: {error}", installable=False) from error
        recorder = Recorder(image, channel)
        try:
            yield recorder.tape
        finally:
            mounts.unmount(device)
            recorder.join(60)
    finally:
        os.close(channel)
