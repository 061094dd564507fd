"""Compare the verification of bundles and of an installed tree with hashlib on the same files, in the same runs.

    python benchmarks/verify.py FOLDER [--site SITE_PACKAGES] [--runs 5]

Builds a bundle of 100 MB and one of 2 GB in FOLDER (removed afterwards; 4.2 GB), each packed and unpacked, and
verifies them as ``verify`` and ``install`` do. hashlib runs with one thread per processor, directly after each run of
the verification; the result is the median of the ratios. An archive's bytes are hashed twice, packed and unpacked,
on both sides. SITE_PACKAGES is compared with its RECORDs. Memory is the peak of a process that verifies one bundle
(VmHWM, so Linux only). The exit code is 1 if the verification of a folder runs at less than 85 % of hashlib's rate, a
RECORD check at less than 80 %, or the large bundle needs over 16 MB more memory. The rate of an archive is reported,
but has no limit: it is decompressed meanwhile by one thread, with gzip's own checksum, which hashlib does not do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from builder.assemble.assemble import Contents, write_archive
from builder.members import member
from bundle import digest
from bundle.manifest import MODELS, NAME, Manifest, Product
from bundle.opening import SUMS, Bundle
from bundle.product.application import Application, Launcher
from bundle.reading.medium import drain
from bundle.target import host_target, parse_target
from bundle.wheels import record
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFER = 256 << 10  # bytes, as in hashlib.file_digest
BLOCK = 1 << 20
SMALL, LARGE = 100, 2000  # MB
SIZES = ("small", "large")
SHARES = (*[4], *[32] * 16, *[512] * 128)  # each file is 1/share of the size: weights, wheels, small files
VERIFY_LEAST, RECORD_LEAST, GROWTH_MOST = 0.85, 0.80, 16  # GROWTH_MOST in MB
FORMS = ("folder", "archive")


def make_bundle(folder: Path, size: int) -> Bundle:
    """Write an unpacked bundle of random, incompressible files and its archive, and return it."""
    members = []
    for number, share in enumerate(SHARES):
        path = f"{MODELS}/weights/{number:03}.bin"
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            left = size // share
            while left:
                left -= file.write(os.urandom(min(left, BLOCK)))
        members.append(member(path, "model", place))
    manifest = Manifest(
        product=Product("benchmark", "Benchmark", "1", 1),
        target=parse_target(str(host_target()), ".".join(platform.python_version_tuple()[:2])),
        python_range=None,
        created="2026-01-31T12:00:00Z",
        lock_sha256="0" * 64,
        source_commit=None,
        files=tuple(item.entry for item in members),
        packages=(),
        models=(),
        application=Application(launchers=(Launcher("benchmark", "script", "none.py"),)),
        installed_bytes=0,
        installed_files=0,
    )
    data = manifest.to_bytes()
    (folder / NAME).write_bytes(data)
    (folder / SUMS).write_bytes(
        digest.write_sums(write_archive(folder / manifest.archive, Contents(manifest, data, members), NoProgress()))
    )
    return read_bundle(folder, "folder")


def read_bundle(folder: Path, form: str) -> Bundle:
    """Return a bundle without verifying its signature."""
    data = (folder / NAME).read_bytes()
    manifest = Manifest.from_bytes(data, NAME, limit=len(data))
    location = folder / manifest.archive if form == "archive" else folder
    return Bundle(manifest, data, (folder / SUMS).read_bytes(), {}, (), location)


def verify(bundle: Bundle) -> None:
    """Read and hash a bundle as the command ``verify`` does."""
    bundle.visit(lambda _entry, blocks: drain(blocks), lambda _count: None)


def hash_file(path: Path | str) -> str:
    """Return the SHA-256 of a file, computed by hashlib only."""
    found, buffer = hashlib.sha256(), bytearray(BUFFER)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            found.update(view[:count])
    return found.hexdigest()


def hash_all(paths: list[Path] | list[str]) -> None:
    """Hash files with one thread per processor, the largest first, those up to 1 MiB in batches of 64."""
    paths = sorted(paths, key=os.path.getsize, reverse=True)
    large = [[path] for path in paths if os.path.getsize(path) > 1 << 20]
    small = paths[len(large) :]
    batches = large + [small[start : start + 64] for start in range(0, len(small), 64)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda batch: [*map(hash_file, batch)], batches))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(ours: Callable[[], object], plain: Callable[[], object], runs: int) -> dict[str, Any]:
    """Return the medians of both in seconds, and the median ratio of consecutive runs."""
    ours()
    pairs = []
    for _run in range(runs):
        pairs.append((seconds(ours), seconds(plain)))
        print("{:.2f} s, hashlib {:.2f} s".format(*pairs[-1]), file=sys.stderr, flush=True)
    ratios = [pair[1] / pair[0] for pair in pairs]
    return {
        "ours_s": round(statistics.median(pair[0] for pair in pairs), 3),
        "hashlib_s": round(statistics.median(pair[1] for pair in pairs), 3),
        "rate": round(statistics.median(ratios), 3),
        "rates": [round(ratio, 3) for ratio in ratios],
    }


def own_peak_mb() -> int:
    """Return the peak memory of this process in MB (VmHWM, proc_pid_status(5)).

    ru_maxrss would include the peak of the process that forked it.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found, "/proc/self/status names no peak"
    return int(found[1]) >> 10


def peak_mb(folder: Path, form: str) -> int:
    """Return the peak memory in MB of a process that verifies one bundle."""
    argv = [sys.executable, __file__, str(folder), "--only", form]
    return int(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def measure(folder: Path, site: Path | None, runs: int, megabytes: int) -> dict[str, dict[str, Any]]:
    """Create the bundles and return all measurements."""
    large = make_bundle(folder / "large", megabytes * 1_000_000)
    make_bundle(folder / "small", SMALL * 1_000_000)
    files = [large.location / entry.path for entry in large.manifest.files]
    packed = read_bundle(large.location, "archive")
    result: dict[str, dict[str, Any]] = {
        "folder": compare(lambda: verify(large), lambda: hash_all(files), runs),
        "archive": compare(lambda: verify(packed), lambda: hash_all([packed.location, *files]), runs),
    }
    if site:
        recorded = list(record.survey(site).digests)
        result["record"] = compare(lambda: record.survey(site), lambda: hash_all(recorded), runs)
    result["peak_mb"] = {f"{form} {size}": peak_mb(folder / size, form) for form in FORMS for size in SIZES}
    return result


def missed(result: dict[str, dict[str, Any]]) -> list[str]:
    """Return the names of the measurements that are too slow or need too much memory."""
    least = {"folder": VERIFY_LEAST, "record": RECORD_LEAST}
    peaks = result["peak_mb"]
    slow = [name for name in least if name in result and result[name]["rate"] < least[name]]
    return slow + [form for form in FORMS if peaks[f"{form} large"] - peaks[f"{form} small"] > GROWTH_MOST]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--site", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=LARGE, help="of the large bundle")
    parser.add_argument("--only", choices=FORMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        verify(read_bundle(options.folder, options.only))
        print(own_peak_mb())
        return 0
    try:
        result = measure(options.folder, options.site, options.runs, options.megabytes)
    finally:
        for size in SIZES:
            shutil.rmtree(options.folder / size, ignore_errors=True)
    print(
        json.dumps(
            {"threads": os.cpu_count(), "megabytes": options.megabytes, **result, "missed": missed(result)}, indent=2
        )
    )
    return int(bool(missed(result)))


if __name__ == "__main__":
    sys.exit(main())
