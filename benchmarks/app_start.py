"""Compare the start time of an installed application's launchers with that of the plain interpreter.

    python benchmarks/app_start.py PREFIX NAME [ARGUMENT …] [--runs 5] [--drop-caches]

`launcher` is PREFIX/bin/NAME. `plain` is the release's interpreter on a copy of the application with the bytecode
that Python itself writes, so without lazy imports. `no bytecode` is the same without any bytecode. Each runs once
from disk, then with warm caches; the best and the median of the warm runs are printed. Settings that the application
needs, such as an API key, are taken from the caller's environment. --drop-caches empties the page cache for the cold
runs (root); without it, only the files of release and copy are dropped from the cache (posix_fadvise).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from installer.layout.prefix import Prefix  # noqa: E402
from shared.programs import app_launcher  # noqa: E402
from validator.trials import trial  # noqa: E402


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> float:
    """Return the duration of a command in seconds. Raises CalledProcessError if it fails."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def plain(release: Path, copy: Path, name: str, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment of the plain interpreter on a copy of the application without its bytecode."""
    run = json.loads((release / "run.json").read_text())
    shutil.copytree(release / "app", copy / "app", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    argv, _folder = app_launcher.command(str(release), run, name, arguments)
    environment = app_launcher.environment(str(release), run, dict(os.environ), {})
    del environment["PYTHONDONTWRITEBYTECODE"]
    environment["PYTHONPATH"] = environment["PYTHONPATH"].replace(str(release / "app"), str(copy / "app"))
    return [part.replace(str(release / "app"), str(copy / "app")) for part in argv], environment


def forget(folders: list[Path], *, drop_caches: bool) -> None:
    """Drop the files of folders, or with ``drop_caches`` everything, from the page cache."""
    os.sync()
    if drop_caches:
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return
    for folder in folders:
        trial.forget(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the commands of an installed application.")
    parser.add_argument("prefix", type=Path)
    parser.add_argument("name")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--drop-caches", action="store_true")
    options, arguments = parser.parse_known_args()
    prefix = Prefix(options.prefix.resolve())
    release = prefix.named()
    if release is None:
        parser.error(f"no release is active in {prefix.root}")
    with tempfile.TemporaryDirectory(prefix="ragtrace-start-") as name:
        folder = Path(name)
        argv, environment = plain(release.path, folder, options.name, arguments)
        caller = dict(os.environ)
        bare = {**environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(folder / "empty")}
        ways = {
            "launcher": ([str(prefix.bin / options.name), *arguments], caller),
            "plain": (argv, environment),
            "no bytecode": (argv, bare),
        }
        seconds(argv, environment, folder)  # writes the copy's bytecode
        result = {}
        for way, (command, env) in ways.items():
            forget([release.path, folder], drop_caches=options.drop_caches)
            cold = seconds(command, env, folder)
            warm = [seconds(command, env, folder) for _run in range(options.runs)]
            result[way] = {"cold": cold, "warm": min(warm), "median": statistics.median(warm)}
            rounded = {kind: round(value, 3) for kind, value in result[way].items()}
            print(f"{way:12}", json.dumps(rounded), flush=True)
    print("launcher / plain, warm:", round(result["launcher"]["warm"] / result["plain"]["warm"], 3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
