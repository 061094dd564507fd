"""The operating system's error behind an exception of zipfile."""

from __future__ import annotations

import errno


def behind(error: BaseException) -> OSError | None:
    """Return an error itself if it is an OSError, else the OSError behind it, or None if there is none.

    An EINVAL behind it does not count: zipfile causes it itself by seeking to an invalid offset in a damaged archive.
    """
    if isinstance(error, OSError):
        return error
    found = error.__cause__ or error.__context__
    return found if isinstance(found, OSError) and found.errno != errno.EINVAL else None
