"""Reading files of the trust store: one that cannot be read, or is too large, never counts as missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shared import reading, troubles
from shared.errors import TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

FILE_LIMIT = 1 << 20  # bytes of each of these files


def is_there(path: Path) -> bool:
    """Return whether a path exists. Raises TrustError if access is denied: an unseen file might forbid something."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    return True


def names_in(folder: Path) -> list[str]:
    """Return a folder's sorted names. Raises TrustError if it cannot be read: an unseen file might forbid something."""
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise _unreadable(folder, error) from error


def read_small(path: Path) -> bytes:
    """Return the bytes of a file of the trust store. Raises TrustError if it cannot be read or is too large."""
    try:
        return reading.read(path, FILE_LIMIT, follow=True)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> TrustError:
    reported = troubles.words(error, troubles.READING, path=path)
    return TrustError(reported.what, advice=f"{reported.advice} " + _("Until then nothing is accepted."))
