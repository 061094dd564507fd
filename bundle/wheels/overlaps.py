"""Files that several wheels would install: if the contents differ, the order of installation would decide.

Identical contents are fine, for example in packages that share a namespace (an empty __init__.py). If they differ, the
manifest can specify whose file is installed (conflicts.py). On case-insensitive filesystems, names that differ only in
case collide whatever they contain: one cannot be imported.
"""

from __future__ import annotations

import configparser
import csv
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import names
from bundle.reading.medium import damaged
from bundle.wheels import files as wheel_files
from shared import reading
from shared.files.zips import BROKEN, readable
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from shared.errors import TrustError

WINDOWS = frozenset({"windows", "win32"})
IGNORING_CASE = WINDOWS | {"macos", "darwin"}  # by default, NTFS and APFS do
ROOT = "venv"  # of the environment in a release


@dataclass(frozen=True)
class Overlap:
    """A path in a release that several wheels install, their names, and whether all with the same contents."""

    path: str
    wheels: tuple[str, ...]
    is_same: bool

    def refusal(self) -> TrustError:
        """Return the error for different contents where nothing specifies whose file is installed."""
        first, second = self.wheels[:2]
        reason = _("it installs {path!r}, and so does {other}, with different contents")
        return damaged(second, reason.format(path=self.path[:200], other=first))


def environment_of(python: str, platform: str = sys.platform) -> wheel_files.Environment:
    """Return the environment of a release on hosts with a Python version and a platform."""
    return wheel_files.Environment(ROOT, python, platform in WINDOWS)


def find(wheels: Iterable[tuple[Path, str]], python: str, *, platform: str = sys.platform) -> list[Overlap]:
    """Return the paths that several wheels install, each wheel (path, name), its structure checked (structure.inspect).

    ``platform`` is that of the host. Raises TrustError, naming the wheels, if paths collide on the host although they
    differ, one is in place of a folder of the other, or one wheel has a path twice with different contents.
    """
    environment = environment_of(python, platform)
    owners: dict[str, dict[str, str]] = {}
    for path, name in wheels:
        for place, content in _written(path, name, environment):
            if owners.setdefault(place, {}).setdefault(name, content) != content:
                reason = _("it installs {path!r} twice, with different contents")
                raise damaged(name, reason.format(path=place[:200]))
    clash = names.collision(owners) if platform in IGNORING_CASE else _in_place_of_a_folder(owners)
    if clash is not None:
        first, second = (next(iter(owners[path])) for path in clash)
        reason = _("its {second!r} cannot be installed next to {first!r} of {other}")
        raise damaged(second, reason.format(second=clash[1][:200], first=clash[0][:200], other=first))
    return [
        Overlap(place, tuple(contents), len(set(contents.values())) == 1)
        for place, contents in owners.items()
        if len(contents) > 1
    ]


def require_none(wheels: Iterable[tuple[Path, str]], python: str, *, platform: str = sys.platform) -> None:
    """Raise TrustError as ``find`` does, and if two wheels install different contents under one path."""
    for overlap in find(wheels, python, platform=platform):
        if not overlap.is_same:
            raise overlap.refusal()


def _in_place_of_a_folder(paths: Collection[str]) -> tuple[str, str] | None:
    """Return the path of a file, and another path that uses it as a folder, or None if there is no such pair."""
    for path in paths:
        parts = path.split("/")
        for number in range(1, len(parts)):
            if (folder := "/".join(parts[:number])) in paths:
                return folder, path
    return None


def _written(path: Path, name: str, environment: wheel_files.Environment) -> list[tuple[str, str]]:
    try:
        with readable(path), reading.opened(path, follow=True) as file:
            return list(wheel_files.written(file, environment))
    except (*BROKEN, ValueError, StopIteration, csv.Error, configparser.Error) as error:
        raise damaged(name, _("not a readable wheel: {reason}").format(reason=error)) from error
