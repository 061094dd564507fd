"""Compare the installation times of uv and pip, with the same wheels, offline, into empty environments, in turn.

    python benchmarks/uv_pip.py WHEELS [--runs 3]
WHEELS is a folder of wheels, for example from `pip download -d WHEELS pandas streamlit`. uv starts with an empty cache
each time, as on a host; pip runs with --no-compile, because uv does not write bytecode either.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uv


def timed(command: Sequence[str]) -> float:
    """Run a command and return its duration in seconds."""
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    wheels = sorted(map(str, arguments.wheels.glob("*.whl")))
    size = sum(os.path.getsize(path) for path in wheels)
    seconds: dict[str, list[float]] = {"uv": [], "pip": []}
    offline = ["--no-index", "--no-deps"]
    for _run in range(arguments.runs):
        for name, found in seconds.items():
            with tempfile.TemporaryDirectory(dir=arguments.wheels.parent) as scratch:
                environment = Path(scratch) / "venv"
                subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, environment], check=True)
                python = str(environment / "bin" / "python")
                if name == "uv":
                    cache = ["--offline", "--cache-dir", str(Path(scratch) / "cache")]
                    command = [uv.find_uv_bin(), "pip", "install", "-q", "--python", python, *cache, *offline, *wheels]
                else:
                    pip = shutil.which("pip") or "pip"
                    command = [pip, "--python", python, "install", "-q", "--no-compile", *offline, *wheels]
                found.append(timed(command))
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    print(f"{len(wheels)} wheels, {size / 1e6:.0f} MB, {arguments.runs} runs each")
    for name, median in medians.items():
        print(f"{name}: {median:.2f} s ({', '.join(f'{one:.2f}' for one in seconds[name])})")
    print(f"uv is {medians['pip'] / medians['uv']:.1f} times as fast")


if __name__ == "__main__":
    main()
