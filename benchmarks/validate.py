"""Time `validate` on an installation: --quick, and the RECORD check compared with hashlib on the same files.

    python benchmarks/validate.py BUNDLE_FOLDER PREFIX [--runs 3]

BUNDLE_FOLDER contains ragtrace-install.pyz, PREFIX the installation from it. hashlib runs with one thread per
processor, on the files that the RECORDs list; both read them from the page cache if they fit into it. The exit
code is 1 if the check, timed by its own report, reaches less than 80 % of hashlib's rate, or --quick takes over 3 s.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.verify import RECORD_LEAST, hash_all, seconds
from bundle.wheels import record
from installer.layout.prefix import Prefix

QUICK_MOST = 3.0  # seconds
CHECKS_FAILED = 1  # the exit code for failed checks, which do not matter here


def validate(options: argparse.Namespace, *arguments: str) -> dict[str, Any]:
    """Run validate through the zipapp and return its report."""
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    argv = [python, str(options.bundle / "ragtrace-install.pyz"), "validate", "--prefix", str(options.prefix)]
    done = subprocess.run([*argv, "--json", *arguments], check=False, capture_output=True, text=True)
    if done.returncode not in (0, CHECKS_FAILED):
        sys.exit(f"validate ended with {done.returncode}: {done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def timed_record(options: argparse.Namespace) -> float:
    """Return the duration of the RECORD check in seconds, from its own report."""
    (result,) = validate(options, "--check", "packages.record", "--timeout", "600")["validation_results"]
    if result["status"] != "PASS":
        sys.exit(f"packages.record: {result['details']}")
    return float(result["seconds"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    release = Prefix(options.prefix.resolve()).active()
    if release is None:
        sys.exit(f"{options.prefix}: no release is active.")
    site = release.site_packages(release.manifest().target.python)
    files = [line.path for line in record.recorded(site)]
    hash_all(files)  # into the page cache
    pairs = [(timed_record(options), seconds(lambda: hash_all(files))) for _run in range(options.runs)]
    quick = []
    for _run in range(options.runs):
        started = time.perf_counter()
        validate(options, "--quick")
        quick.append(time.perf_counter() - started)
    rate = statistics.median(plain / ours for ours, plain in pairs)
    result = {
        "files": len(files),
        "bytes": sum(os.path.getsize(path) for path in files),
        "record_s": [round(ours, 2) for ours, _plain in pairs],
        "hashlib_s": [round(plain, 2) for _ours, plain in pairs],
        "rate": round(rate, 3),
        "quick_s": [round(value, 2) for value in quick],
    }
    print(json.dumps(result, indent=2))
    return int(rate < RECORD_LEAST or statistics.median(quick) > QUICK_MOST)


if __name__ == "__main__":
    sys.exit(main())
