"""Time a host's scan of 150 packages with a snapshot: reading it, checking its canaries, matching (without safety); and
the literal evaluation of all its records for these packages.

    python benchmarks/advisories.py advisories.zip [runs]

There are two scans: half of the packages are spread over the index, or are those with the most advisories; the
others have none. Times are CPU times; the limit of 0.3 s applies to the first scan, that of 2 s to both evaluations.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bundle.advisories.assess import Criteria, assess
from bundle.advisories.exceptions import NONE
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.raw.agreement import differences
from bundle.advisories.raw.literal import _version
from bundle.advisories.snapshot import read_snapshot
from bundle.advisories.versions import _interval, public

PACKAGES, LIMIT, LITERAL_LIMIT = 150, 0.3, 2.0  # seconds


def packages_of(path: Path, *, most: bool) -> list[Installed]:
    index = read_snapshot(path.read_bytes()).index
    half = PACKAGES // 2
    spread = list(index.lines)[:: max(1, len(index.lines) // half)]
    names = sorted(index.lines, key=lambda name: -len(index.lines[name])) if most else spread
    found = []
    for name in names[:half]:
        bounds = [str(one.low) for advisory in index.of(name) for one in advisory.affected]
        found.append(Installed(name, bounds[len(bounds) // 2] if bounds else "1.0"))
    return found + [Installed(f"nobody-knows-{number}", "1.0") for number in range(PACKAGES - len(found))]


def once(path: Path, packages: list[Installed]) -> tuple[float, int]:
    public.cache_clear()
    _interval.cache_clear()
    started = time.process_time()
    snapshot = read_snapshot(path.read_bytes())
    assert not list(snapshot.blind_spots())
    found = assess(scan(snapshot.index, packages), Criteria(snapshot, NONE, "default"), datetime.now(timezone.utc))
    return time.process_time() - started, len(found.findings)


def evaluation(path: Path, packages: list[Installed]) -> tuple[float, int]:
    _version.cache_clear()
    started = time.process_time()
    snapshot = read_snapshot(path.read_bytes())
    judged = snapshot.evaluate((one.name, one.version) for one in packages)
    spent = time.process_time() - started
    assert differences(scan(snapshot.index, packages).judged, judged) == []
    return spent, len(judged)


def main(path: Path, runs: int) -> int:
    medians, evaluations = [], []
    for name, most in (("spread", False), ("most advisories", True)):
        packages = packages_of(path, most=most)
        times, findings = zip(*(once(path, packages) for _run in range(runs)))
        medians.append(statistics.median(times))
        print(
            f"Python {sys.version_info[0]}.{sys.version_info[1]}, {name}: {len(packages)} packages, {findings[0]} "
            f"findings: median {medians[-1]:.3f} s, worst {max(times):.3f} s of {runs} runs (limit {LIMIT} s)"
        )
        times, judgements = zip(*(evaluation(path, packages) for _run in range(runs)))
        evaluations.append(statistics.median(times))
        print(
            f"    literal evaluation: {judgements[0]} judgements: median {evaluations[-1]:.3f} s, "
            f"worst {max(times):.3f} s (limit {LITERAL_LIMIT} s)"
        )
    return int(medians[0] > LIMIT or max(evaluations) > LITERAL_LIMIT)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9))
