"""Files that two wheels would both install: if the contents differ, the order of installation would decide.

Identical contents are fine, for example in packages that share a namespace (an empty __init__.py). On
case-insensitive filesystems, names that differ only in case collide whatever they contain: one cannot be imported.
"""

from __future__ import annotations

import configparser
import csv
import sys
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


IGNORING_CASE = frozenset({"windows", "win32", "macos", "darwin"})  # by default, NTFS and APFS do


def require_none(wheels: Iterable[tuple[Path, str]], python: str, *, platform: str = sys.platform) -> None:
    """Raise TrustError, naming both wheels, if two of them install conflicting files.

    Files conflict if they have the same path and different contents, if their names collide on the host, or if one is
    in place of a folder of the other. Each wheel is (path, name), its structure already checked (structure.inspect).
    ``platform`` is that of the host.
    """
    environment = wheel_files.Environment("venv", python)
    known: dict[str, tuple[str, str]] = {}
    for path, name in wheels:
        for place, digest in _written(path, name, environment).items():
            other, content = known.setdefault(place, (name, digest))
            if other != name and content != digest:
                reason = _("it installs {path!r}, and so does {other}, with different contents")
                raise damaged(name, reason.format(path=place[:200], other=other))
    clash = names.collision(known) if platform in IGNORING_CASE else _in_place_of_a_folder(known)
    if clash is not None:
        first, second = (known[path][0] for path in clash)
        reason = _("its {second!r} cannot be installed next to {first!r} of {other}")
        raise damaged(second, reason.format(second=clash[1][:200], first=clash[0][:200], other=first))


def _in_place_of_a_folder(paths: Collection[str]) -> tuple[str, str] | None:
    """Return the path of a file, and another path that uses it as a folder, or None if there is no such pair."""
    for path in paths:
        parts = path.split("/")
        for number in range(1, len(parts)):
            if (folder := "/".join(parts[:number])) in paths:
                return folder, path
    return None


def _written(path: Path, name: str, environment: wheel_files.Environment) -> dict[str, str]:
    try:
        with readable(path), reading.opened(path, follow=True) as file:
            return wheel_files.expected(file, environment)
    except (*BROKEN, ValueError, csv.Error, configparser.Error) as error:
        raise damaged(name, _("not a readable wheel: {reason}").format(reason=error)) from error
