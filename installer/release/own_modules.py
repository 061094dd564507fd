"""The modules of the application's own package, if the bundle contains its wheel."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from shared import reading

if TYPE_CHECKING:
    from pathlib import Path

    from installer.release.installation import Installation

RECORD_LIMIT = 64 << 20  # bytes


def own_modules(installation: Installation) -> list[Path]:
    """Return the top-level packages and modules in site-packages that its wheel installed; none if there is no wheel.

    They are as its RECORD lists them; a damaged RECORD is a matter of other checks, and lists none.
    """
    manifest, site = installation.manifest, installation.site_packages
    own = next((package for package in manifest.packages if package.name == manifest.product.name), None)
    if own is None:
        return []
    try:
        record = site / f"{own.name.replace('-', '_')}-{own.version}.dist-info" / "RECORD"
        with reading.opened(record, limit=RECORD_LIMIT) as file:
            rows = list(csv.reader(file.read().decode("utf-8").splitlines()))
    except (OSError, ValueError, csv.Error):
        return []
    paths = {row[0] for row in rows if row and row[0].endswith(".py") and not row[0].startswith(("..", "/"))}
    return [site / name for name in sorted({path.partition("/")[0] for path in paths})]
