"""The host's error behind an error of zipfile."""

from __future__ import annotations

import errno


def behind(error: BaseException) -> OSError | None:
    """Return the host's error: an OSError itself, or the one behind an error of zipfile, or None if there is none."""
    if isinstance(error, OSError):
        return error
    found = error.__cause__ or error.__context__
    return found if isinstance(found, OSError) and found.errno != errno.EINVAL else None
