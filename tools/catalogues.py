"""Compile the translations that bootstrap/i18n.py loads (.po to .mo) into the tree beside them."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent


def compile_all(source: Path, target: Path) -> list[Path]:
    """Write one .mo under target for each .po under source; return what was written."""
    written = []
    for po in sorted(source.rglob("*.po")):
        with po.open("rb") as file:
            catalogue = read_po(file)
        mo = (target / po.relative_to(source)).with_suffix(".mo")
        mo.parent.mkdir(parents=True, exist_ok=True)
        with mo.open("wb") as file:
            write_mo(file, catalogue)
        written.append(mo)
    return written


if __name__ == "__main__":
    folder = ROOT / "bootstrap" / "locale"
    sys.exit(not compile_all(folder, folder))
