"""What the zipapp's launcher leaves to later code: verifying its large programs, and removing earlier caches.

Large programs are not compared with the zipapp's digests at each start but here, just before they run.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
import time
import zipfile
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from shared.files import refused
from shared.i18n import _

if TYPE_CHECKING:
    from types import ModuleType

RETAINED_CACHES = 3
UNUSED, LEFTOVER = 30 * 86400, 86400  # seconds after which an old cache, or a crash's leftover, is removed


def launcher() -> ModuleType | None:
    """Return the launcher's module that opened the cache, or None in a source tree."""
    return sys.modules.get("launch.cache")


def program(cache: Any, name: str) -> str:
    """Return the path of a program of the zipapp (``uv``) after comparing its bytes with the digests.

    An altered one is unpacked again. Raises OSError if that fails: the host's own error, or EIO if the zipapp is
    damaged.
    """
    opened = cache.opened
    inner = cache.PROGRAMS + name + (".exe" if os.name == "nt" else "")
    path: str = os.path.join(opened["tree"], inner)
    known, hashed = opened["files"][inner], sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(cache.BLOCK), b""):
            hashed.update(block)
    if hashed.hexdigest() != known[0]:
        beside = tempfile.mkdtemp(prefix=".new-", dir=opened["folder"])
        try:
            with zipfile.ZipFile(opened["zipapp"]) as archive:
                cache.unpack(archive, inner, os.path.join(beside, name), known)
            os.replace(os.path.join(beside, name), path)
        except (cache.Refusal, zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, ValueError) as error:
            raise (refused.behind(error) or OSError(errno.EIO, _("damaged"), opened["zipapp"])) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    prune(opened["folder"], os.path.basename(os.path.dirname(opened["tree"])))
    return path


def prune(folder: str, own: str) -> None:
    """Remove caches unused for UNUSED seconds, except ``own`` and the newest ones, and leftovers of crashed runs."""
    ages = {}
    for entry in os.scandir(folder):
        try:
            ages[entry.name] = time.time() - entry.stat(follow_symlinks=False).st_mtime
        except OSError:  # noqa: PERF203
            pass  # another run removed it
    leftovers = [name for name in ages if name.startswith((".new-", ".old-", ".try-")) and ages[name] > LEFTOVER]
    caches = sorted((name for name in ages if re.search(r"_[0-9a-f]{16}$", name)), key=lambda name: ages[name])
    unused = [name for name in caches[RETAINED_CACHES:] if ages[name] > UNUSED and name != own]
    for name in leftovers + unused:
        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
