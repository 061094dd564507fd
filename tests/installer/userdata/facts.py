"""Grow trees of the user's data, and tell all that a filesystem knows of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from installer.layout.prefix import Prefix
from installer.userdata import holes as file_holes
from shared.files import files

TIME = 1_700_000_000_123_456_789  # nanoseconds
HOLE = 1 << 20  # bytes; larger than any filesystem's block


def grow(folder: bytes, tree: dict[bytes, Any], made: list[bytes]) -> None:
    """Make what was drawn; ``made`` are the files so far, for further names of them."""
    for name, (kind, what, mode, moment) in tree.items():
        path = os.path.join(folder, name)
        if kind == "folder":
            os.mkdir(path)
            grow(path, what, made)
        elif kind == "link":
            os.symlink(what, path)
        elif kind == "name of":
            if made:
                os.link(made[what % len(made)], path)
            continue
        else:
            with open(path, "wb") as file:
                for gap, data in what:
                    file.seek(gap, os.SEEK_CUR)
                    file.write(data)
                file.truncate(file.tell() + (HOLE if len(what) == 2 else 0))
            made.append(path)
        if mode is not None:
            os.chmod(path, mode)
        os.utime(path, ns=(moment, moment), follow_symlinks=False)


def facts(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """Return everything of a tree that must come back, by its path; files with several names by the first of them."""
    found: dict[bytes, tuple[Any, ...]] = {}
    first: dict[int, bytes] = {}
    top = os.fsencode(root)
    for folder, folders, others in os.walk(top):
        for name in sorted((b"", *folders, *others) if folder == top else (*folders, *others)):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            what: Any = None
            if stat.S_ISLNK(status.st_mode):
                what = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                one_name = first.setdefault(status.st_ino, path[len(top) :])
                what = (one_name, hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest(), holes(path))
            found[path[len(top) :]] = (status.st_mode, status.st_mtime_ns, status.st_uid, status.st_gid, what)
    return found


def below(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """Return the facts without the top: an installation tries there whether it can write, which is a new time."""
    return {path: what for path, what in facts(root).items() if path != b"/"}


def holes(path: bytes) -> list[tuple[int, int | None]]:
    handle = os.open(path, os.O_RDONLY)
    try:
        return list(file_holes.data_ranges(handle, os.fstat(handle)))
    finally:
        os.close(handle)


@contextlib.contextmanager
def a_prefix():
    with tempfile.TemporaryDirectory() as folder:
        prefix = Prefix(Path(folder, "prefix"))
        prefix.make()
        (prefix.state / "lock").touch()
        try:
            yield prefix
        finally:
            files.remove_tree(prefix.root)
