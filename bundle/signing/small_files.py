"""Reading files of the trust store. This fails closed: a file that is not seen might revoke trust.

A file that cannot be read, or is too large, therefore never counts as missing.
"""

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
    """Return whether a path exists. Raises TrustError if this cannot be determined, for example without access."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    return True


def names_in(folder: Path) -> list[str]:
    """Return the sorted names of a folder's entries. Raises TrustError if the folder cannot be read."""
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
