"""A filesystem that loses power: ext4 in an image, with nothing written but what was synced.

``noauto_da_alloc`` is on, because ext4 otherwise hides the commonest of these faults: a file that was
renamed before its bytes were written.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.processes import process
from tests.hosts import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2  # what the journal has not written is lost too
SIZE = 192 << 20  # bytes
OPTIONS = "loop,noauto_da_alloc,commit=300"  # nothing is written on its own within five minutes


class Disk:
    """An image that is mounted, cut off and mounted again."""

    def __init__(self, image: Path, place: Path) -> None:
        self.image, self.place = image, place

    def make(self) -> None:
        """Make an empty filesystem. Raises Unavailable where that is not possible."""
        needs.root_on_linux()
        mkfs = needs.program("mkfs.ext4", package="e2fsprogs")
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        _must([mkfs, "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", str(self.image)])

    def mount(self) -> None:
        self.place.mkdir(exist_ok=True)
        done = process.run(["mount", "-o", OPTIONS, str(self.image), str(self.place)], timeout=60)
        if not done.ok:
            raise needs.Unavailable(f"a filesystem cannot be mounted from an image: {done.stderr}", installable=False)

    def unmount(self) -> None:
        deadline = time.monotonic() + 20
        while not (done := process.run(["umount", str(self.place)], timeout=60)).ok:
            # a program that the killed one had started is still at its end
            assert time.monotonic() < deadline, done
            time.sleep(0.05)

    def cut_power(self) -> None:
        """Lose what was not synced, then start again."""
        handle = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)
        self.unmount()
        # under a new name: whoever has a copy of our mounts keeps the old filesystem alive, dead as it is
        copy = self.image.with_name(self.image.name + ".next")
        _must(["cp", "--sparse=always", str(self.image), str(copy)])
        number = self.image.stat().st_ino
        self.image.unlink()
        self.image = copy.rename(self.image.with_name(f"{self.image.name.partition('-')[0]}-{number}"))
        self.mount()


def _must(argv):
    done = process.run(argv, timeout=60)
    assert done.ok, done


@contextmanager
def disk(folder: Path, number: int = 0) -> Iterator[Disk]:
    """Give a mounted disk in a folder."""
    made = Disk(folder / f"image{number}", folder / f"mounted{number}")
    made.make()
    made.mount()
    try:
        yield made
    finally:
        process.run(["umount", str(made.place)], timeout=60)
