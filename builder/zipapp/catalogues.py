"""Compile the translations of messages (.po to .mo)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from pathlib import Path

    from babel.messages.catalog import Catalog

UNDATED = datetime(1980, 1, 1, tzinfo=timezone.utc)


def read(po: Path) -> Catalog:
    """Return the message catalogue of one language."""
    with po.open("rb") as file:
        return read_po(file)


def compile_all(source: Path, target: Path) -> list[Path]:
    """Write a .mo under ``target`` for each .po under ``source``, and return the written files."""
    written = []
    for po in sorted(source.rglob("*.po")):
        mo = (target / po.relative_to(source)).with_suffix(".mo")
        mo.parent.mkdir(parents=True, exist_ok=True)
        catalogue = read(po)
        # the project's .po files have no dates, and babel would write the current time instead
        catalogue.creation_date = catalogue.revision_date = UNDATED
        with mo.open("wb") as file:
            write_mo(file, catalogue)
        written.append(mo)
    return written
