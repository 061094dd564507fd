"""Count the system calls of commands on the tests' tiny bundle, and compare them with the committed numbers.

    python benchmarks/guard.py [--update]

strace counts the calls of the installer and of every program that it starts, apart from those that depend on timing
(waiting, threads, memory). The exit code is 1 if a command makes over 10% more calls than benchmarks/guard.json says;
--update rewrites that file. Times differ from machine to machine and from run to run, these numbers by less than 1%.
They are those of one CPython, on Linux; with another one the exit code is 2, as nothing was compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.tiny import tiny_bundle  # noqa: E402

COMMITTED = Path(__file__).with_suffix(".json")
GROWTH = 1.10
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
# files and their contents, names, modes, synchronization, and new processes
CALLS = (
    "%file,read,write,pread64,pwrite64,close,fstat,getdents64,lseek,fsync,fdatasync,syncfs,fchmod,fchown,flock,execve"
)
VICTIM = ROOT / "tests" / "reliability" / "victim.py"
ROW = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


def count(command: list[str], environment: dict[str, str], folder: Path) -> int:
    """Run a command of the installer under strace and return the number of its system calls."""
    summary = folder / "calls"
    trace = ["strace", "--follow-forks", "--summary-only", f"--trace={CALLS}", f"--output={summary}"]
    apart = json.dumps({"trust": str(folder / "trust"), "programs": {}})
    run = [sys.executable, "-B", str(VICTIM), apart, *command]
    done = subprocess.run([*trace, *run], env=environment, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    calls = sum(int(found[1]) for found in map(ROW.match, summary.read_text().splitlines()) if found)
    if not calls:
        sys.exit(f"strace counted nothing:\n{summary.read_text()}")
    return calls


def measure() -> dict[str, int]:
    """Return the number of system calls of each command, in the order of a short life."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny = tiny_bundle(folder / "bundle")
        prefix = ["--prefix", str(folder / "prefix")]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "TINY_API_KEY": "x"}
        commands = {
            "install": ["install", str(tiny.folder), *prefix, "--trust-key", str(tiny.key)],
            "validate --quick": ["validate", "--quick", *prefix],
            "recover --dry-run": ["recover", "--dry-run", *prefix],
            "uninstall": ["uninstall", "--yes", *prefix],
        }
        return {title: count(command, environment, folder) for title, command in commands.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("strace is missing: install the system package strace.")
    calls = measure()
    if arguments.update:
        COMMITTED.write_text(json.dumps({"python": PYTHON, "calls": calls}, indent=2) + "\n")
    committed = json.loads(COMMITTED.read_text())
    if committed["python"] != PYTHON:
        print(f"The committed numbers are those of CPython {committed['python']}, not of {PYTHON}.")
        return 2
    return int(bool(grown(calls, committed["calls"])))


def grown(found: dict[str, int], committed: dict[str, int]) -> list[str]:
    """Print each command's number beside the committed one; return the commands that make too many more calls."""
    for title, number in found.items():
        print(f"{title}: {number} system calls, {number / committed[title]:.2f} of the committed number")
    return [title for title, number in found.items() if number > committed[title] * GROWTH]


if __name__ == "__main__":
    sys.exit(main())
