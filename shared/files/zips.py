"""Errors of zipfile: those of a damaged, encrypted or malicious archive, and those of a file that cannot be read."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared import troubles
from shared.files import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.troubles import Named

# RuntimeError: encrypted; NotImplementedError: an unknown method; OSError: also an offset before the beginning
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@contextmanager
def readable(path: Named) -> Iterator[None]:
    """Raise HostError if this host cannot read the file; errors that the archive's bytes cause are raised unchanged."""
    try:
        yield
    except (OSError, zipfile.BadZipFile) as error:
        behind = refused.behind(error)
        if behind is not None and troubles.is_of_the_host(behind, path):
            raise troubles.trouble(behind, troubles.READING, path=path) from error
        raise
