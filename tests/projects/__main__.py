"""``python -m tests.projects CHECKOUT ...``: see ``make projects``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from shared.processes import process
from tests.hosts import needs
from tests.projects.walk import STEPS, Row, Walk
from tests.stories.workshop import clean, succeeded


def main() -> int:
    """Bring real applications to closed hosts and away again; return 1 when one did not go through."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkouts", nargs="*", type=Path, help="git checkouts with a uv.lock")
    parser.add_argument("--list", type=Path, help="a file that names one checkout a line")
    parser.add_argument("--folder", type=Path, default=needs.CHECKOUT / "build" / "projects")
    arguments = parser.parse_args()
    named = arguments.list.read_text().split() if arguments.list else []
    folder = arguments.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    key = folder / "key"
    argv = [sys.executable, "-m", "builder", "keygen", str(key), "--no-passphrase"]
    succeeded(process.run(argv, env=clean(), timeout=60))
    rows = []
    for number, checkout in enumerate([*arguments.checkouts, *map(Path, named)]):
        rows.append(Walk(checkout.resolve(), key, folder / str(number)).all())
        print(line(rows[-1]), flush=True)
        (folder / "table.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    through = sum(row.whole for row in rows)
    print(f"\n{through} of {len(rows)} went through; {folder / 'table.json'}")
    return 0 if through == len(rows) else 1


def line(row: Row) -> str:
    """Return a row as a line of the terminal."""
    took = " ".join(f"{name} {row.seconds[name]:.0f}" for name in STEPS if name in row.seconds)
    size = f"{row.facts.get('packages', '?')} wheels, {row.facts.get('bytes', 0) / 1e6:.0f} MB"
    end = row.facts.get("verdict", "") if row.whole else f"STOPPED at {row.stopped}: {row.reason}"
    return f"{row.project} (Python {row.python}, {size}) [{took}] {end}"


if __name__ == "__main__":
    sys.exit(main())
