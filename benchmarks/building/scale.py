"""Build and install a bundle of RAGTrace's size, and print times, sizes and peak memory as Markdown tables.

    python benchmarks/building/scale.py FOLDER [--bundle BUNDLE] [--cache-dir .cache/builder]

FOLDER needs about 16 GB of free space; the bundle is built in FOLDER/packages and installed into FOLDER/prefix, which
must not exist. With --bundle nothing is built. Wheels are read from the cache if they are in it. Linux and macOS.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "benchmarks" / "ragtrace_scale"
CLEAN = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8"}  # English output
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, getrusage(2)


@dataclass
class Run:
    """A finished program: its stdout, the seconds of each step and in total, and its peak memory in bytes."""

    output: str
    steps: dict[str, float]
    seconds: float
    peak: int


def run(argv: list[str], environment: dict[str, str]) -> Run:
    """Run a program and print its stderr, in which each line that is not indented begins a step."""
    started = time.monotonic()
    began: list[tuple[str, float]] = []
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    assert process.stdout
    assert process.stderr
    for line in process.stderr:
        print(line, end="", file=sys.stderr, flush=True)
        if not line.startswith(" "):
            began.append((line.strip(), time.monotonic()))
    output = process.stdout.read()  # a few lines, which the pipe buffers until here
    _pid, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{argv[0]} ended with {process.returncode}: {output}")
    ends = [moment for _text, moment in began[1:]] + [ended]
    steps = {"Starting": began[0][1] - started} if began else {}
    steps.update((text, end - moment) for (text, moment), end in zip(began, ends, strict=True))
    return Run(output, steps, ended - started, usage.ru_maxrss * MAXRSS_UNIT)


def build(folder: Path, cache: Path) -> tuple[Path, Run, dict[str, float]]:
    """Build the bundle and return its folder, the run, and the seconds of each phase reported by the builder."""
    key = folder / "key"
    builder = [sys.executable, "-m", "builder"]
    if not key.exists():
        subprocess.run([*builder, "keygen", str(key), "--no-passphrase"], cwd=ROOT, check=True, stdout=sys.stderr)
    places = ["--output-dir", str(folder / "packages"), "--cache-dir", str(cache)]
    done = run(
        [*builder, "build", "--project-root", str(PROJECT), *places, "--sign-key", str(key), "--json"],
        {**os.environ, "LC_ALL": "C.UTF-8"},
    )
    reported = json.loads(done.output)
    return Path(reported["bundles"][0]["folder"]), done, reported["seconds"]


def install(bundle: Path, prefix: Path) -> Run:
    """Install the bundle with the base interpreter, on Linux as root without network access."""
    apart = ["unshare", "-n"] if os.geteuid() == 0 and sys.platform == "linux" else []
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    zipapp = str(bundle / "ragtrace-install.pyz")
    return run([*apart, python, zipapp, "install", str(bundle), "--prefix", str(prefix), "--json"], CLEAN)


def used(folder: Path) -> tuple[int, int]:
    """Return a folder's disk usage in bytes and the number of its files, with hard links counted once."""
    found = {}
    for parent, _folders, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(parent, name))
            found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values()), len(found)


def gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def table(head: tuple[str, str], rows: list[tuple[str, str]]) -> None:
    print(f"| {head[0]} | {head[1]} |\n|---|---:|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    print()


def show_sizes(bundle: Path, prefix: Path) -> None:
    manifest = json.loads((bundle / "MANIFEST.json").read_bytes())
    on_disk, files = used(prefix)
    table(
        ("size", ""),
        [
            ("wheels", str(len(manifest["packages"]))),
            ("files in the bundle", gigabytes(sum(entry["size"] for entry in manifest["files"]))),
            ("archive", gigabytes(next(bundle.glob("*.tar.gz")).stat().st_size)),
            ("installer", gigabytes((bundle / "ragtrace-install.pyz").stat().st_size)),
            ("installed, by the manifest", gigabytes(manifest["totals"]["installed_bytes"])),
            ("prefix on disk, with kept wheels and bytecode", gigabytes(on_disk)),
            ("files in the prefix", str(files)),
        ],
    )


def show_times(name: str, done: Run, steps: dict[str, float]) -> None:
    rows = [(step, f"{seconds:.1f}") for step, seconds in steps.items()]
    table((name, "seconds"), [*rows, ("all", f"{done.seconds:.1f}")])
    print(f"Peak memory: {done.peak / 1e6:.0f} MB\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build and install a bundle of RAGTrace's size.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", type=Path, help="install this one, build none")
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".cache" / "builder")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "prefix").exists():
        sys.exit(f"{folder / 'prefix'} exists: name another folder.")
    bundle = arguments.bundle.resolve() if arguments.bundle else None
    if bundle is None:
        bundle, built, phases = build(folder, arguments.cache_dir.resolve())
        show_times("build", built, phases)
    installed = install(bundle, folder / "prefix")
    show_times("install", installed, installed.steps)
    show_sizes(bundle, folder / "prefix")


if __name__ == "__main__":
    main()
