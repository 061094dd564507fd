"""Time the switch of a rollback, from the comparison's end to the fsync of ``current``, independent of release size.

Two releases of the tiny application are installed, enlarged with files, and rolled back and forth:
    python benchmarks/rollback.py [--files 30000] [--megabytes 2000] [--rounds 5] [--place FOLDER]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from installer.install import rollback
from installer.layout import seal
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from installer.release import acceptance, receipt
from installer.release.sealing import intact
from shared.terminal.progress import NoProgress
from tests.reliability import world as worlds

if TYPE_CHECKING:
    from installer.layout.release import Release

LIMIT = 0.5  # seconds


def blow_up(prefix: Prefix, release: Release, files: int, megabytes: int) -> None:
    """Add ``files`` files with ``megabytes`` MiB in total to a release; update its receipt, seal and audit log."""
    folder = release.path / "ballast"
    release.path.chmod(0o755)
    block = os.urandom(1 << 20)
    size = max(1, (megabytes << 20) // max(1, files))
    for number in range(files):
        if number % 1000 == 0:
            (folder / str(number)).mkdir(parents=True)
        with (folder / str(number // 1000 * 1000) / str(number)).open("wb") as file:
            left = size
            while left > 0:
                left -= file.write(block[:left])
    sealed = receipt.read_receipt(release)
    items = receipt.take_inventory(release, release.site_packages(release.manifest().target.python))
    receipt.write_receipt(release, replace(sealed, items=items))
    seal.seal(release)
    audit_log.append(prefix, "recover", "done", release=release.id, receipt_sha256=seal.receipt_sha256(release))


def measure(prefix: Prefix) -> tuple[float, float, float]:
    """Roll back once and return the seconds of the switch, of the comparison before it, and of the health check."""
    marks: dict[str, float] = {}

    def damage(prefix: Prefix, release: Release, real: Any = intact.damage) -> str:
        began = time.perf_counter()
        trouble = str(real(prefix, release))
        marks["held"] = time.perf_counter()
        marks["compared"] = marks["held"] - began
        return trouble

    def set_current(self: Prefix, release: Release, real: Any = Prefix.set_current) -> None:
        real(self, release)
        marks["switched"] = time.perf_counter()

    def check_health(*given: Any, real: Any = acceptance.check_health) -> None:
        began = time.perf_counter()
        real(*given)
        marks["health"] = time.perf_counter() - began

    with (
        patch.object(intact, "damage", damage),
        patch.object(Prefix, "set_current", set_current),
        patch.object(acceptance, "check_health", check_health),
    ):
        rollback.rollback(prefix, NoProgress())
    return marks["switched"] - marks["held"], marks["compared"], marks["health"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=30_000)
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--place", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ragtrace-rollback-", dir=options.place))
    try:
        world = worlds.make(folder)
        prefix = Prefix(folder / f"{worlds.ROLLBACK}.prefix")
        for release in prefix.complete_releases():
            blow_up(prefix, release, options.files, options.megabytes)
        os.sync()
        times = [measure(prefix) for _round in range(options.rounds)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert world
    switches, compared, health = zip(*times)
    print(f"two releases of {options.files} files and {options.megabytes} MB more each, {options.rounds} rollbacks")
    print(f"compared to current synced:  median {statistics.median(switches):.3f} s, most {max(switches):.3f} s")
    print(f"comparison before it:        median {statistics.median(compared):.3f} s")
    print(f"health check after it:       median {statistics.median(health):.3f} s (of the tiny application)")
    return 0 if max(switches) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
