"""How long a rollback takes, from the lock held to ``current`` fsynced, whatever the size of the releases.

Two releases of the tiny application are installed and blown up with files, then rolled back and forth:
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
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bootstrap import acceptance, install
from bootstrap.console import NoProgress
from bootstrap.prefix import Prefix, Release
from tests.reliability import world as worlds

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 0.5  # seconds


def blow_up(release: Release, files: int, megabytes: int) -> None:
    """Add files to a release, as many and as large as asked for."""
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


def measure(prefix: Prefix) -> tuple[float, float]:
    """Roll back once; return seconds until ``current`` was synced, and seconds of the look from outside."""
    marks: dict[str, float] = {}

    @contextmanager
    def locked(path: Path, *, wait: float = 0.0, real: Any = install.locked) -> Iterator[None]:
        with real(path, wait=wait):
            marks["held"] = time.perf_counter()
            yield

    def point_at(self: Prefix, release: Release, real: Any = Prefix.point_at) -> None:
        real(self, release)
        marks["switched"] = time.perf_counter()

    def check_health(*given: Any, real: Any = acceptance.check_health) -> None:
        began = time.perf_counter()
        real(*given)
        marks["health"] = time.perf_counter() - began

    kept = install.locked, Prefix.point_at, acceptance.check_health
    install.locked, Prefix.point_at, acceptance.check_health = locked, point_at, check_health
    try:
        install.rollback(prefix, NoProgress())
    finally:
        install.locked, Prefix.point_at, acceptance.check_health = kept
    return marks["switched"] - marks["held"], marks["health"]


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
            blow_up(release, options.files, options.megabytes)
        os.sync()
        times = [measure(prefix) for _round in range(options.rounds)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert world
    switches, health = zip(*times)
    print(f"two releases of {options.files} files and {options.megabytes} MB more each, {options.rounds} rollbacks")
    print(f"lock held to current synced: median {statistics.median(switches):.3f} s, most {max(switches):.3f} s")
    print(f"health check after it:       median {statistics.median(health):.3f} s (of the tiny application)")
    return 0 if max(switches) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
