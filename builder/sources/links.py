"""Links among a project's files: a bundle has the bytes of their targets instead.

A target must itself be one of the project's files, so that no link adds what the project does not contain.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Tree:
    """The files of a project: its folder, and their paths relative to it, sorted."""

    root: Path
    paths: Sequence[str]

    def holds(self, path: str) -> bool:
        """Return whether a path is one of the files."""
        at = bisect_left(self.paths, path)
        return self.paths[at : at + 1] == [path]

    def below(self, folder: str) -> Iterator[str]:
        """Yield the files below a folder."""
        start = f"{folder}/"
        at = bisect_left(self.paths, start)
        yield from takewhile(lambda path: path.startswith(start), self.paths[at:])


def followed(tree: Tree, path: str) -> Iterator[tuple[str, Path | str]]:
    """Yield the files that a link stands for: their paths, each with the file to read, or the reason why there is none.

    A link to a folder stands for the files below that folder.
    """
    target = _target(tree, path)
    if target is None:
        yield path, _("a link that does not point to a project file")
    elif tree.holds(target):
        yield path, tree.root / target
    elif target == "." or path.startswith(f"{target}/"):
        yield path, _("a link to a folder that contains it")
    else:
        for inside in tree.below(target):
            yield f"{path}{inside[len(target) :]}", _file_of(tree, inside)


def _target(tree: Tree, path: str) -> str | None:
    """Return the project's file or folder that a link points to, or None if it points anywhere else."""
    link = tree.root / path
    if os.path.isabs(os.readlink(link)):
        return None  # it would lead elsewhere on another machine
    target = os.path.relpath(os.path.realpath(link), os.path.realpath(tree.root)).replace(os.sep, "/")
    is_file = tree.holds(target) and (tree.root / target).is_file()
    return target if is_file or target == "." or any(tree.below(target)) else None


def _file_of(tree: Tree, path: str) -> Path | str:
    """Return the file that a path below a linked folder stands for, or the reason why there is none."""
    if not (tree.root / path).is_symlink():
        return tree.root / path
    target = _target(tree, path)
    if target is None or not tree.holds(target):
        return _("a link inside a linked folder that does not point to a project file")
    return tree.root / target
