"""The exceptions of zipfile for a truncated, altered, encrypted or malicious archive."""

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
    """Raise HostError if this host refuses the file itself; any other OSError is about the archive's bytes."""
    try:
        yield
    except (OSError, zipfile.BadZipFile) as error:
        behind = refused.behind(error)
        if behind is not None and troubles.is_of_the_host(behind, path):
            raise troubles.trouble(behind, troubles.READING, path=path) from error
        raise
