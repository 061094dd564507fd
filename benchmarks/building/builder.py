"""Compare the builder with the equivalent manual commands in one run, and print medians as Markdown tables.

    python benchmarks/building/builder.py fetch FOLDER [--runs 3]
    python benchmarks/building/builder.py assemble FOLDER --cache-dir .cache/builder [--runs 3]

Both use the lockfile of benchmarks/ragtrace_scale for linux-x86_64 and CPython 3.11, 3.2 GB of wheels. ``fetch`` is
compared with `pip download --require-hashes --no-deps` of the same files from the same index, each into an empty
folder. ``assemble`` (wheels checked in the cache, hashed, packed, synced) is compared with a plain copy with sync, and
with tarfile's ``w:gz`` at its default level; FOLDER needs 7 GB of free space. Alternating runs have the same state of
caches.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.assemble.assemble import Contents, write_archive  # noqa: E402
from builder.fetch.cache import Cache  # noqa: E402
from builder.fetch.fetching import Fetching  # noqa: E402
from builder.lock.lock import read_lock, select_wheels  # noqa: E402
from builder.lock.locked import LockedWheel, write_requirements  # noqa: E402
from builder.lockfiles.uv_lock import UvLock  # noqa: E402
from builder.members import Member  # noqa: E402
from builder.wheels.wheels import fetch_wheels  # noqa: E402
from bundle.manifest import WHEELS, FileEntry  # noqa: E402
from bundle.target import parse_target  # noqa: E402
from shared.terminal.progress import NoProgress  # noqa: E402
from tests.bundles import make_manifest  # noqa: E402

TARGET = parse_target("linux-x86_64", "3.11")


def timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def medians(actions: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Run all actions in turn and return the median seconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _run in range(runs):
        for name, action in actions.items():
            taken[name].append(timed(action))
            print(f"{name}: {taken[name][-1]:.1f} s", file=sys.stderr, flush=True)
    return {name: statistics.median(times) for name, times in taken.items()}


def fetch(wheels: Sequence[LockedWheel], folder: Path, runs: int) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_bytes(write_requirements(wheels))
    places = {"builder": folder / "cache", "pip": folder / "pip"}

    def emptied(name: str) -> Path:
        shutil.rmtree(places[name], ignore_errors=True)
        return places[name]

    pip = [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "download",
        "--quiet",
        "--no-cache-dir",
        "--require-hashes",
        "--no-deps",
    ]
    if subprocess.run([*pip[:3], "--version"], capture_output=True, check=False).returncode:
        pip[0] = str(Path(getattr(sys, "_base_executable", sys.executable)))
    taken = medians(
        {
            "builder": lambda: fetch_wheels(wheels, Fetching(Cache(emptied("builder")), NoProgress())),
            "pip download": lambda: subprocess.run([*pip, "-d", emptied("pip"), "-r", requirements], check=True),
        },
        runs,
    )
    size = sum(wheel.size or 0 for wheel in wheels)
    print(f"\nFetching {len(wheels)} wheels, {size / 1e9:.2f} GB, median of {runs}:\n\n| | seconds |\n|---|---:|")
    for name, seconds in taken.items():
        print(f"| {name} | {seconds:.1f} |")
    print(f"\nThe builder is {taken['pip download'] / taken['builder']:.1f} times as fast.")


def assemble(wheels: Sequence[LockedWheel], folder: Path, cache: Cache, runs: int) -> None:
    fetching = Fetching(cache, NoProgress())
    paths = fetch_wheels(wheels, fetching)
    archive, tarball, copies = folder / "bundle.tar.gz", folder / "tarfile.tar.gz", folder / "copies"

    def ours() -> None:
        found = fetch_wheels(wheels, replace(fetching, offline=True))
        members = [
            Member(FileEntry(f"{WHEELS}/{wheel.filename}", path.stat().st_size, wheel.sha256, "wheel"), path)
            for wheel, path in found.items()
        ]
        manifest = make_manifest()
        write_archive(archive, Contents(manifest, manifest.to_bytes(), members), NoProgress())
        os.sync()

    def copy() -> None:
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir()
        for wheel, path in paths.items():
            shutil.copyfile(path, copies / wheel.filename)
        os.sync()

    def tar() -> None:
        with tarfile.open(tarball, "w:gz") as out:
            for wheel, path in paths.items():
                out.add(path, f"{WHEELS}/{wheel.filename}")
        os.sync()

    taken = medians({"builder": ours, "copy and sync": copy}, runs)
    shutil.rmtree(copies)
    taken |= medians({"tarfile w:gz": tar}, 1)
    sizes = {"builder": archive.stat().st_size, "tarfile w:gz": tarball.stat().st_size}
    print(f"\nAssembling {len(wheels)} wheels, median of {runs} (tarfile: one run):\n")
    print("| | seconds | bytes |\n|---|---:|---:|")
    for name, seconds in taken.items():
        print(f"| {name} | {seconds:.1f} | {sizes.get(name, '')} |")
    print(f"\n{taken['builder'] / taken['copy and sync']:.1f} times a copy with sync, ", end="")
    print(f"{taken['tarfile w:gz'] / taken['builder']:.1f} times as fast as tarfile; ", end="")
    print(f"the archive is {100 * sizes['builder'] / sizes['tarfile w:gz'] - 100:+.2f} % of tarfile's. ", end="")
    print(f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB.")
    archive.unlink()
    tarball.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fetch", "assemble"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".cache" / "builder")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    wheels = select_wheels(read_lock(UvLock(ROOT / "benchmarks" / "ragtrace_scale")), TARGET).wheels
    if arguments.what == "fetch":
        fetch(wheels, arguments.folder, arguments.runs)
    else:
        assemble(wheels, arguments.folder, Cache(arguments.cache_dir), arguments.runs)


if __name__ == "__main__":
    main()
