"""Files that two wheels would both install: with different contents, the installer's order would choose between them.

The same contents twice are fine, as packages that share a namespace bring them (an empty __init__.py).
"""

from __future__ import annotations

import configparser
import csv
from typing import TYPE_CHECKING

from bootstrap import reading, wheel_files
from bootstrap.bundle.archive import damaged
from bootstrap.bundle.zips import BROKEN
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def demand_none(wheels: Iterable[tuple[Path, str]], python: str) -> None:
    """Raise TrustError, naming both wheels, where two of them would install one file with different contents.

    Each is (path, name), and its structure was looked at before (wheels.inspect).
    """
    environment = wheel_files.Environment("venv", python)
    known: dict[str, tuple[str, str]] = {}
    for path, name in wheels:
        for place, digest in _laid(path, name, environment).items():
            other, content = known.setdefault(place, (name, digest))
            if other != name and content != digest:
                reason = _("it installs {path!r}, and so does {other}, with other contents")
                raise damaged(name, reason.format(path=place[:200], other=other))


def _laid(path: Path, name: str, environment: wheel_files.Environment) -> dict[str, str]:
    try:
        with reading.opened(path, follow=True) as file:
            return wheel_files.expected(file, environment)
    except (*BROKEN, ValueError, csv.Error, configparser.Error) as error:
        raise damaged(name, _("not a readable wheel: {reason}").format(reason=error)) from error
