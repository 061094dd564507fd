"""Which error of this host stands behind what zipfile says of an archive."""

from __future__ import annotations

import errno


def behind(error: BaseException) -> OSError | None:
    """Return the error of the host: itself, or what made zipfile say of an archive that it could not read its end."""
    if isinstance(error, OSError):
        return error
    found = error.__cause__ or error.__context__
    return found if isinstance(found, OSError) and found.errno != errno.EINVAL else None
