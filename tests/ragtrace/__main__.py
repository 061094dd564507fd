"""``python -m tests.ragtrace --project CHECKOUT --model path:FOLDER``: see ``make ragtrace``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from tests.hosts import needs
from tests.hosts.closed import closed_host
from tests.ragtrace.building import TARGETS, Builder
from tests.ragtrace.table import Table
from tests.ragtrace.walk import Walk
from tests.stories.workshop import run

OSV = "RAGTRACE_TEST_OSV"


def main() -> int:
    """Build, install, use, damage, repair and remove RAGTrace; return 1 when a step did not go as it should."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--project", type=Path, required=True, help="a git checkout of RAGTrace")
    parser.add_argument("--model", required=True, help="path:FOLDER of BGE-M3, or of the stand-in for it")
    parser.add_argument("--real-model", action="store_true", help="the folder holds the published weights")
    parser.add_argument("--folder", type=Path, default=needs.CHECKOUT / "build" / "ragtrace")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    commit = run("git", "rev-parse", "HEAD", cwd=arguments.project).stdout.strip()
    table = Table(commit, "published weights" if arguments.real_model else "stand-in weights")
    exports = Path(os.environ[OSV]) if os.environ.get(OSV) else None
    builder = Builder(arguments.project.resolve(), arguments.model, folder, exports)
    builder.prepare()
    builder.build_all(table)
    try:
        if TARGETS[0] in builder.bundles:
            with closed_host("bookworm", folder / "host") as host:
                Walk(host, builder.bundles, table, folder).all()
    except needs.Unavailable as need:
        sys.exit(f"RAGTrace was built and not installed: {need}")
    finally:
        table.write(folder)
    print(f"\n{folder / 'table.md'}: {len(table.rows)} steps, {len(table.failed)} failed")
    return 1 if table.failed or TARGETS[0] not in builder.bundles else 0


if __name__ == "__main__":
    sys.exit(main())
