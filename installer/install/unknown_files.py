"""Unknown files among the tool's own: validate reports them, and no command removes them."""

from __future__ import annotations

import os
import shutil
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from installer.layout.prefix import TEMPORARY, is_of_state, is_ours
from installer.layout.release import is_release
from installer.layout.store import Store
from installer.release import launchers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

OF_A_FILESYSTEM = "lost+found"  # in the prefix if that is a filesystem of its own: mke2fs(8)
WRITTEN_BESIDE = ".*.tmp"  # what a crash leaves of an atomic replacement


def around(prefix: Prefix) -> list[Path]:
    """Return the unknown files in PREFIX, state, releases and store, in that order."""

    def of_root(path: Path) -> bool:
        return is_ours(path) or path.name == OF_A_FILESYSTEM

    def of_releases(path: Path) -> bool:
        return is_release(path.name) or path.name.startswith(TEMPORARY)

    def of_store(path: Path) -> bool:
        return path == prefix.store or path.name.startswith(TEMPORARY)

    kinds = (
        (prefix.root, of_root),
        (prefix.state, is_of_state),
        (prefix.releases, of_releases),
        (prefix.store.parent, of_store),
    )
    found = [path for folder, known in kinds for path in _entries(folder) if not known(path)]
    return found + Store(prefix.store).unknown_files()


def in_bin(prefix: Prefix, known: Collection[str]) -> list[Path]:
    """Return the entries of PREFIX/bin that are neither ``known`` nor temporary files, sorted."""
    return [
        path for path in _entries(prefix.bin) if path.name not in known and not fnmatchcase(path.name, WRITTEN_BESIDE)
    ]


def left(prefix: Prefix) -> list[Path]:
    """Return the files that an uninstallation leaves because this tool did not create them."""
    return [*around(prefix), *(path for path in in_bin(prefix, ()) if not launchers.is_ours(path))]


def shadowed(path: Path, prefix: Prefix, release: Release, known: Collection[str]) -> str:
    """Return the program that a file of PREFIX/bin hides if that folder comes first in PATH, or '' if it hides none."""
    if not path.is_file() or not os.access(path, os.X_OK):
        return ""
    if sys.platform == "win32":
        # PATHEXT lists .exe and .bat before .cmd, the suffix of this tool's commands
        ours = next((name for name in known if name.casefold() == f"{path.stem}.cmd".casefold()), None)
        if ours:
            return str(prefix.bin / ours)
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    others = [folder for folder in folders if os.path.realpath(folder) != str(prefix.bin)]
    name = path.stem if sys.platform == "win32" else path.name
    return shutil.which(name, path=os.pathsep.join([*others, str(release.python.parent)])) or ""


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir() and not folder.is_symlink():
        yield from sorted(folder.iterdir())
