"""Compare the zipapp's warm start with that of a shiv zipapp that does nothing, in turn in one run.

    python benchmarks/start.py [ZIPAPP] [--runs 15] [--limit 2.5]

Without ZIPAPP, one is built for this machine. The exit code is 1 if the ratio of the medians exceeds the limit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def idle_zipapp(folder: Path) -> Path:
    """Create a shiv zipapp, with shiv's defaults, whose entry point returns immediately."""
    from shiv.bootstrap.environment import Environment
    from shiv.builder import create_archive

    source = folder / "source"
    source.mkdir()
    (source / "idle.py").write_text("def main():\n    return 0\n")
    output = folder / "idle.pyz"
    environment = Environment(
        built_at="2020-01-01 00:00:00", shiv_version="1", entry_point="idle:main", root=str(folder / "shiv")
    )
    create_archive([source], output, "/usr/bin/env python3", "_bootstrap:bootstrap", environment)
    return output


def real_zipapp(folder: Path) -> Path:
    """Build the installer's zipapp for this machine and return its path."""
    from builder.fetch.cache import Cache
    from builder.fetch.fetching import Fetching
    from builder.zipapp import pack
    from bundle.names import INSTALLER
    from bundle.target import PYTHONS, host_target, parse_target
    from shared.terminal.progress import NoProgress

    target = parse_target(str(host_target()), PYTHONS[0])
    fetching = Fetching(Cache(ROOT / ".cache" / "wheels"), NoProgress())
    return pack.build_zipapp(folder / INSTALLER, target, fetching, pack.Packing())


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return the duration of a command in seconds. Raises CalledProcessError if it fails."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure(zipapp: Path, idle: Path, cache: Path, runs: int, arguments: list[str]) -> dict[str, float]:
    """Return the medians of both warm starts in seconds, and their ratio."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cache), "RAGTRACE_CACHE": str(cache), "LANG": "C.UTF-8"}
    ours = [sys.executable, str(zipapp), *arguments]
    theirs = [sys.executable, str(idle)]
    times: dict[str, list[float]] = {"zipapp": [], "idle": []}
    for number in range(runs + 2):  # the first two fill the caches
        for name, command in (("idle", theirs), ("zipapp", ours)):
            taken = seconds(command, environment)
            if number >= 2:
                times[name].append(taken)
    zipapp_median, idle_median = statistics.median(times["zipapp"]), statistics.median(times["idle"])
    return {"zipapp": zipapp_median, "idle": idle_median, "ratio": zipapp_median / idle_median}


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the zipapp's warm start.")
    parser.add_argument("zipapp", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--limit", type=float, default=2.5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragtrace-start-") as name:
        folder = Path(name)
        zipapp = arguments.zipapp or real_zipapp(folder)
        result = measure(zipapp.resolve(), idle_zipapp(folder), folder, arguments.runs, ["--version"])
    print(json.dumps(result))
    return int(result["ratio"] > arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
