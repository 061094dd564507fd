"""Time the verification of a bundle and of an installed tree against hashlib on the same files, in one run.

    python benchmarks/verify.py BUNDLE_FOLDER UNPACKED_ROOT [SITE_PACKAGES] [--runs 3]

BUNDLE_FOLDER holds the archive, UNPACKED_ROOT what it unpacks to. hashlib runs with as many threads as
there are processors. Exit code 1 when a folder is verified at less than 85 % of hashlib's rate, or a
RECORD checked at less than 80 %. An archive's bytes are hashed twice, packed and unpacked, and so is
what it is compared with.
"""

import argparse
import hashlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bootstrap import record
from bootstrap.bundle import archive, digest
from bootstrap.bundle.manifest import NAME, parse_manifest

BUFFER = 256 << 10  # bytes, as hashlib.file_digest has it
FOLDER_LEAST, RECORD_LEAST = 0.85, 0.80


def hash_file(path: Path) -> str:
    """Hash a file with hashlib and nothing else."""
    found, buffer = hashlib.sha256(), bytearray(BUFFER)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            found.update(view[:count])
    return found.hexdigest()


def hash_all(paths: list[Path]) -> None:
    """Hash files with as many threads as processors, the largest first, small ones by the dozen."""
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


def compare(ours: Callable[[], object], plain: Callable[[], object], runs: int) -> dict[str, float]:
    """Return the medians of both in seconds, and the median ratio of runs that followed each other."""
    ours()
    pairs = [(seconds(ours), seconds(plain)) for _run in range(runs)]
    return {
        "ours_s": round(statistics.median(pair[0] for pair in pairs), 3),
        "hashlib_s": round(statistics.median(pair[1] for pair in pairs), 3),
        "rate": round(statistics.median(pair[1] / pair[0] for pair in pairs), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("site", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    data = (options.folder / NAME).read_bytes()
    manifest = parse_manifest(data)
    packed = options.folder / manifest.archive
    sha256 = digest.read_sums((options.folder / "SHA256SUMS").read_bytes(), "SHA256SUMS")[packed.name]
    files = [options.root / entry.path for entry in manifest.files]

    def from_archive() -> None:
        for _entry, blocks in archive.read_archive(packed, manifest, data, sha256):
            archive.drain(blocks)

    def from_folder() -> None:
        archive.visit_folder(options.root, manifest, data, lambda _entry, blocks: archive.drain(blocks))

    result = {
        "bytes": manifest.total_bytes,
        "threads": os.cpu_count(),
        "folder": compare(from_folder, lambda: hash_all(files), options.runs),
        "archive": compare(from_archive, lambda: hash_all([packed, *files]), options.runs),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    missed = result["folder"]["rate"] < FOLDER_LEAST
    if options.site:
        recorded = list(record.survey(options.site).digests)
        result["record"] = compare(lambda: record.survey(options.site), lambda: hash_all(recorded), options.runs)
        missed = missed or result["record"]["rate"] < RECORD_LEAST
    print(json.dumps(result, indent=2))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
