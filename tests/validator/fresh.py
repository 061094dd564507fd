"""Install one of several applications for the first time and validate it, in a process with rights of its own.

``python -m tests.validator.fresh FOLDER SHAPE UMASK`` prints what is not PASS or SKIP, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from bootstrap import api
from bundle.product.application import Launcher
from bundle.product.environment import Environment
from installer.trust.stores import TrustStores
from tests.tiny import install_tiny, tiny_bundle

# Finds its own folder by a file and makes folders there while it is imported, as applications do that are run from a
# checkout; keeps a database among them, and writes its reports where it is called.
PATHS = """\
from pathlib import Path

ROOT = Path(__file__).resolve().parent
while not (ROOT / "pyproject.toml").exists():
    ROOT = ROOT.parent
DATABASE = ROOT / "data" / "db" / "notes.db"
for folder in (ROOT / "data", DATABASE.parent, ROOT / "data" / "temp", ROOT / "src", ROOT / "cache" / "pages"):
    folder.mkdir(parents=True, exist_ok=True)
"""
WRITES = """\
import json
import sqlite3
import sys
from pathlib import Path

from src.utils.paths import DATABASE

notes = sqlite3.connect(DATABASE)
with notes:
    notes.execute("create table if not exists notes (text)")
    notes.execute("insert into notes values ('asked')")
notes.close()
Path("exports").mkdir(exist_ok=True)
Path("exports", "report.json").write_text(json.dumps(sys.argv))
print("[5.0, 0.5]")
"""
SOURCES = {"app.py": WRITES, "src/utils/paths.py": PATHS, "pyproject.toml": "[project]\n"}
PERSISTS = ("data", "exports")


def writing(cwd: str) -> dict[str, Any]:
    """Return what makes the tiny application one that writes into its own tree, called from a folder or from it."""
    return {
        "sources": SOURCES,
        "persist": PERSISTS,
        "launchers": (Launcher("tiny", "script", "app.py", cwd=cwd),),
        "environment": Environment(),
    }


SHAPES: dict[str, dict[str, Any]] = {
    "settings required and not set": {},
    "writes, called from anywhere": writing("caller"),
    "writes, called from its own folder": writing("app"),
    "a profile that says nothing": {
        "smoke": (),
        "core_imports": (),
        "persist": (),
        "environment": Environment(),
        "probe": None,
    },
}


def main(folder: str, shape: str, umask: str) -> None:
    """Build, install and validate; print the results that are not well."""
    os.umask(int(umask, 8))
    top = Path(folder)
    trust_stores = TrustStores(top / "host", top / "user", top, privileged=True, owner=os.geteuid())
    api.inspecting.trust_stores = lambda: trust_stores  # type: ignore[attr-defined]
    prefix = install_tiny(tiny_bundle(top / "bundle", **SHAPES[shape]), top / "prefix")
    report = api.validate(prefix.root)
    bad = [result.to_json() for result in report.results if result.status not in ("PASS", "SKIP")]
    json.dump({"bad": bad, "root": sorted(path.name for path in prefix.root.iterdir())}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
