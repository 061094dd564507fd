"""Mounts that end with the process that made them."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.hosts import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18  # linux/sched.h, linux/mount.h
LOOP_CTL_GET_FREE, LOOP_CONFIGURE, LO_FLAGS_AUTOCLEAR = 0x4C82, 0x4C0A, 4  # linux/loop.h
_LOOP_CONFIG = struct.Struct("<II52xI240x")  # struct loop_config: file, block size, flags
SECONDS = 20  # that a filesystem may be busy with a program at its end


def _call(name: str, *arguments: object) -> None:
    """Call a function of libc; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def keep_to_ourselves() -> None:
    """Give this process mounts of its own: nobody else keeps them busy, and the kernel removes them when it ends.

    Raises Unavailable.
    """
    try:
        _call("unshare", CLONE_NEWNS)
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError as error:
        raise needs.Unavailable(f"a process cannot have its own mounts: {error}", installable=False) from error


def mount_fuse(channel: int, place: Path) -> None:
    """Let the server at ``channel`` (/dev/fuse) stand for the file ``place``; raises OSError."""
    options = f"fd={channel},rootmode=100000,user_id=0,group_id=0"
    _call("mount", b"disk", os.fsencode(place), b"fuse", 0, options.encode())


def mount_image(image: Path, place: Path, kind: str, options: str) -> str:
    """Mount the filesystem in an image; return why that is not possible, "" when it is."""
    try:
        with _loop(image) as device:
            _call("mount", device.encode(), os.fsencode(place), kind.encode(), 0, options.encode())
    except OSError as error:
        return str(error)
    return ""


@contextmanager
def _loop(image: Path) -> Iterator[str]:
    """Give a loop device on an image, which goes when nobody has it open or mounted any more."""
    backing = os.open(image, os.O_RDWR)
    try:
        handle, device = _free_loop(_LOOP_CONFIG.pack(backing, 0, LO_FLAGS_AUTOCLEAR))
        try:
            yield device
        finally:
            os.close(handle)
    finally:
        os.close(backing)


def _free_loop(config: bytes) -> tuple[int, str]:
    """Configure a free loop device; another process may always be quicker."""
    for _attempt in range(100):
        control = os.open("/dev/loop-control", os.O_RDWR)
        try:
            device = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
        finally:
            os.close(control)
        handle = os.open(device, os.O_RDWR)
        try:
            fcntl.ioctl(handle, LOOP_CONFIGURE, config)
        except OSError as error:
            os.close(handle)
            if error.errno != errno.EBUSY:
                raise
        else:
            return handle, device
    raise OSError(errno.EBUSY, "no loop device is free")


def unmount(place: Path) -> None:
    """Unmount, as soon as what was started there has ended."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            _call("umount2", os.fsencode(place), 0)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
