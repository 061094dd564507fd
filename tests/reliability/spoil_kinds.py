"""The kinds of damage that can be done to a place."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
import struct
from pathlib import Path

from shared.files import files

HUGE = 20 << 30  # bytes, none of them written
STRANGER = 12345
GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h


class NotThereError(Exception):
    """This kind of damage cannot be done at this place."""


def _gone(path):
    require(os.path.lexists(path))
    files.remove_tree(path)


def require(is_possible):
    if not is_possible:
        raise NotThereError


def _above(path):
    """Return the folder that the prefix lies in."""
    return next(folder for folder in path.parents if folder.name == "prefix").parent


def _elsewhere(path):
    """Move a thing out of the prefix and lead to it: all that it held is there still, and not the tool's."""
    target = _above(path) / "moved"
    if os.path.lexists(path):
        shutil.move(path, target)
    else:
        target.write_bytes(b"")
    path.symlink_to(target)


def _instead(make):
    def do(path):
        files.remove_tree(path)
        make(path)

    return do


def _in_file(change):
    """Change a file where it lies."""

    def do(path):
        require(stat.S_ISREG(_mode_of(path)) and path.lstat().st_size > 1)
        mode = stat.S_IMODE(_mode_of(path))
        path.chmod(0o600)
        change(path)
        path.chmod(mode)

    return do


def _mode_of(path):
    return os.lstat(path).st_mode if os.path.lexists(path) else 0


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _lengthen(path):
    with path.open("ab") as file:
        file.write(b"more\n")


def _second_name(path):
    require(stat.S_ISREG(_mode_of(path)))
    os.link(path, _above(path) / "second")


def _socket(path):
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # a name of a socket has 108 bytes at most
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def _sparse(path):
    with path.open("wb") as file:
        file.truncate(HUGE)


def _mode(mode):
    def do(path):
        require(_mode_of(path) and not stat.S_ISLNK(_mode_of(path)) and stat.S_IMODE(_mode_of(path)) != mode)
        os.chmod(path, mode)

    return do


def _strangers(path):
    require(_mode_of(path))
    os.lchown(path, STRANGER, STRANGER)


def immutable(path, *, on=True):
    """Let nobody change a file or folder, not even root, or end that."""
    kind = _mode_of(path)
    require(stat.S_ISREG(kind) or stat.S_ISDIR(kind))
    handle = os.open(path, os.O_RDONLY)
    try:
        flags = struct.unpack("l", fcntl.ioctl(handle, GET_FLAGS, struct.pack("l", 0)))[0]
        wanted = flags | IMMUTABLE if on else flags & ~IMMUTABLE
        if wanted != flags:
            fcntl.ioctl(handle, SET_FLAGS, struct.pack("l", wanted))
    except OSError as error:
        raise NotThereError from error
    finally:
        os.close(handle)


KINDS = {
    "missing": _gone,
    "a folder": _instead(Path.mkdir),
    "a link to itself": _instead(lambda path: path.symlink_to(path.name)),
    "a link to nothing": _instead(lambda path: path.symlink_to("nothing")),
    "a link outside": _elsewhere,
    "a pipe": _instead(os.mkfifo),
    "a socket": _instead(_socket),
    "a link to a device": _instead(lambda path: path.symlink_to("/dev/zero")),
    "empty": _instead(Path.touch),
    "garbage": _instead(lambda path: path.write_bytes(os.urandom(3000))),
    "20 GB without a byte": _instead(_sparse),
    "cut": _in_file(lambda path: os.truncate(path, path.stat().st_size // 2)),
    "a bit flipped": _in_file(_flip),
    "longer": _in_file(_lengthen),
    "mode 0000": _mode(0),
    "mode 0644": _mode(0o644),
    "mode 0777": _mode(0o777),
    "mode 4755": _mode(0o4755),
    "owned by another": _strangers,
    "hard-linked elsewhere": _second_name,
    "immutable": immutable,
}
BYTES = {"missing", "empty", "garbage", "20 GB without a byte", "cut", "a bit flipped", "longer"}
RIGHTS = {"mode 0000", "mode 0644", "mode 0777", "mode 4755", "owned by another"}
