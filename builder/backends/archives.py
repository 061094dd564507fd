"""Unpacking source archives (PEP 625, and zip files): one folder, nothing outside it."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path


def unpack(archive: Path, name: str, place: Path) -> Path:
    """Unpack a source archive into a new folder and return the one folder in it.

    Raises BuildError if it is damaged, leads outside, or does not contain a single top-level folder.
    """
    place.mkdir()
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(place)  # noqa: S202 - zipfile itself keeps members inside
        else:
            with tarfile.open(archive) as packed:
                packed.extractall(place, filter="data")
    except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise _refused(name, str(error)) from error
    found = [path for path in place.iterdir() if path.is_dir() and path.name != "pax_global_header"]
    if len(found) != 1:
        raise _refused(name, _("it must contain a single top-level folder"))
    return found[0]


def _refused(name: str, reason: str) -> BuildError:
    return BuildError(
        _("{file} is not a valid source archive: {reason}.").format(file=name, reason=reason.rstrip(".")),
        advice=_("Lock another version of the package."),
    )
