"""What zipfile raises for an archive that is cut short, altered, encrypted or made to harm."""

from __future__ import annotations

import zipfile
import zlib

# RuntimeError: encrypted; NotImplementedError: an unknown method; OSError: an offset before the beginning, too
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
