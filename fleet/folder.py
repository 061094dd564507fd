"""The statements in a folder: each file ``NAME.json`` with its signature ``NAME.json.sig``; no link is followed.

The folder may be one to which hosts write. Files are read one at a time and within their limits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.signing.signature import SIGNATURE_LIMIT
from fleet.statement import LIMIT, SIGNATURE, SUFFIX
from shared import reading, troubles
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES_LIMIT = 400_000  # files and folders
DEPTH_LIMIT = 8
UNSIGNED, TOO_LARGE, NOT_REGULAR, UNREADABLE = "unsigned", "too-large", "not-regular", "unreadable"


@dataclass(frozen=True)
class Found:
    """A file that should be a statement: its bytes and those of its signature.

    If one cannot be read, ``problem`` says why, ``reason`` in words, and what was not read is empty.
    """

    name: str
    data: bytes = b""
    signature: bytes = b""
    problem: str = ""
    reason: str = ""


def statements(folder: Path) -> Iterator[Found]:
    """Yield every ``*.json`` below a folder, sorted by name. Raises UsageError if the folder cannot be read."""
    top = os.fspath(folder)
    try:
        names = sorted(_names(top))
    except OSError as error:
        wanted = _("Specify a folder with statements.")
        raise troubles.trouble(error, troubles.READING, path=folder, kind=UsageError, wanted=wanted) from error
    for path in names:
        yield _found(path, os.path.relpath(path, top))


def _names(top: str) -> Iterator[str]:
    waiting, seen = [(top, 0)], 0
    while waiting:
        folder, depth = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                seen += 1
                if seen > FILES_LIMIT:
                    raise UsageError(
                        _("{path} has more files than {limit}.").format(path=top, limit=FILES_LIMIT),
                        advice=_("Move old statements to another folder."),
                    )
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEPTH_LIMIT:
                        waiting.append((entry.path, depth + 1))
                elif entry.name.endswith(SUFFIX):
                    yield entry.path


def _found(path: str, name: str) -> Found:
    shown = os.fsencode(name).decode("utf-8", "replace")
    try:
        data = reading.read(path, LIMIT)
    except OSError as error:
        return Found(shown, problem=_problem(error), reason=troubles.reason(error))
    try:
        return Found(shown, data, reading.read(path + SIGNATURE, SIGNATURE_LIMIT))
    except FileNotFoundError:
        return Found(shown, data, problem=UNSIGNED, reason=_("{name} is missing").format(name=shown + SIGNATURE))
    except OSError as error:
        return Found(shown, problem=_problem(error), reason=troubles.reason(error))


def _problem(error: OSError) -> str:
    cause = error.cause if isinstance(error, reading.UnfitError) else ""
    return {"TOO_LONG": TOO_LARGE, "NOT_REGULAR": NOT_REGULAR, "A_LINK": NOT_REGULAR}.get(cause, UNREADABLE)
