"""Compare an installation with what a user would do by hand with uv, in turn, on an idle machine.

    python benchmarks/install.py BUNDLE [--runs 5] [--folder FOLDER] [--python PYTHON] [--installer ZIPAPP]
                                 [--only product|hand] [--impatient]

By hand: unpack the archive, create an environment, install the wheels with their hashes as hard links, import the
same core modules, and sync. The commands are printed. Both start with the bundle in the page cache and an empty
folder on the same filesystem; both are cut off from the network where root runs this. Before each run, other
processes must take less than 10 % of the processor time for 5 seconds; with --impatient, or after 10 minutes, runs
go on and the result says that it does not count. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uv

IDLE, IDLE_SECONDS, IDLE_PATIENCE = 0.10, 5.0, 600.0  # share of the processors, seconds, seconds
TICK = os.sysconf("SC_CLK_TCK")
LOCK = "bundle/02_Dependencies/pylock.toml"
TRUST = Path("/etc/ragtrace")  # where an installation by root records what it accepted


@dataclass
class Measured:
    """A finished program: its seconds, processor seconds, bytes read from and written to the disk, and phases."""

    seconds: float
    processor: float
    read: int
    written: int
    phases: dict[str, float] = field(default_factory=dict)


def busy() -> float:
    """Return the processor seconds that all processes together have used."""
    times = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(times[i]) for i in (0, 1, 2, 5, 6)) / TICK  # user, nice, system, irq, softirq (proc(5))


def wait_until_idle(patience: float) -> bool:
    """Wait until other processes leave the machine alone; returns False if they do not in time."""
    ends = time.monotonic() + patience
    while True:
        before = busy()
        time.sleep(IDLE_SECONDS)
        if (busy() - before) / (IDLE_SECONDS * (os.cpu_count() or 1)) < IDLE:
            return True
        if time.monotonic() > ends:
            return False


def measure(argv: list[str], environment: dict[str, str], folder: Path) -> Measured:
    """Run a program without network and measure it; each line of stderr that is not indented begins a phase."""
    apart = ["unshare", "-n"] if os.geteuid() == 0 else []
    started = time.monotonic()
    began: list[tuple[str, float]] = [("start", started)]
    process = subprocess.Popen(
        [*apart, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if not line.startswith(" "):
            began.append((line.strip(), time.monotonic()))
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    counts = dict(line.split(": ") for line in Path(f"/proc/{process.pid}/io").read_text().splitlines())
    _pid, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(argv)[:200]} ended with {process.returncode}:\n{''.join(said)}")
    phases: dict[str, float] = {}
    for (name, moment), end in zip(began, [moment for _name, moment in began[1:]] + [ended]):
        phases[name] = phases.get(name, 0.0) + end - moment
    processor = usage.ru_utime + usage.ru_stime
    return Measured(ended - started, processor, int(counts["read_bytes"]), int(counts["write_bytes"]), phases)


def by_hand(bundle: Path, manifest: dict[str, object], python: str) -> list[tuple[str, str]]:
    """Return the name and the shell command of each step, relative to an empty folder."""
    archive = " ".join(f"'{path}'" for path in sorted(bundle.glob("*.tar.gz*")))
    imports = "; ".join(f"import {name}" for name in manifest["application"]["core_imports"])  # type: ignore[index]
    tool, cache = uv.find_uv_bin(), "--offline --cache-dir cache"
    return [
        ("unpack", f"mkdir bundle; cat {archive} | tar xz -C bundle --strip-components=1"),
        ("venv", f"'{tool}' venv -q {cache} --python '{python}' venv"),
        (
            "install",
            f"'{tool}' pip sync -q {cache} --require-hashes --link-mode hardlink --python venv/bin/python {LOCK}",
        ),
        ("import", f'venv/bin/python -c "{imports}"'),
        ("sync", "sync -f ."),
    ]


def run_by_hand(steps: list[tuple[str, str]], folder: Path, environment: dict[str, str]) -> Measured:
    """Run the steps one after another and return their sum."""
    parts = {name: measure(["sh", "-ec", command], environment, folder) for name, command in steps}
    return Measured(
        sum(part.seconds for part in parts.values()),
        sum(part.processor for part in parts.values()),
        sum(part.read for part in parts.values()),
        sum(part.written for part in parts.values()),
        {name: part.seconds for name, part in parts.items()},
    )


def run_product(command: list[str], folder: Path, environment: dict[str, str]) -> Measured:
    """Install the bundle and return the measures; what root's run accepted is forgotten again."""
    knew = TRUST.exists()
    try:
        return measure(command, environment, folder)
    finally:
        if os.geteuid() == 0 and not knew:
            shutil.rmtree(TRUST, ignore_errors=True)


def clear(folder: Path) -> None:
    """Empty a folder, read-only releases too, and write everything to disk."""
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
    for path in folder.iterdir():
        shutil.rmtree(path)
    os.sync()


def warm(bundle: Path) -> None:
    """Read the bundle into the page cache."""
    for path in bundle.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 22):
                    pass


def show(name: str, runs: list[Measured]) -> None:
    """Print the medians of a program's runs and of its phases as a Markdown table."""
    print(f"| {name} | median | all |\n|---|---:|---|")
    rows = {phase: [run.phases.get(phase, 0.0) for run in runs] for phase in runs[0].phases}
    for row, values in [*rows.items(), ("all", [run.seconds for run in runs])]:
        print(f"| {row} | {statistics.median(values):.1f} | {', '.join(f'{value:.1f}' for value in values)} |")
    for row, numbers in (("read", [run.read for run in runs]), ("written", [run.written for run in runs])):
        print(f"| GB {row} | {statistics.median(numbers) / 1e9:.2f} | |")
    print(f"| processor seconds | {statistics.median([run.processor for run in runs]):.1f} | |\n")


def run_in_turn(arguments: argparse.Namespace, bundle: Path, steps: list[tuple[str, str]]) -> dict[str, list[Measured]]:
    """Run the product and the hand in turn, and print the seconds of each; says so if the machine was busy."""
    runs: dict[str, list[Measured]] = {"product": [], "hand": []}
    with tempfile.TemporaryDirectory(dir=arguments.folder or bundle.parent) as scratch:
        folder, home = Path(scratch) / "work", Path(scratch) / "home"
        folder.mkdir()
        home.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
        warm(bundle)
        for name in [arguments.only] * arguments.runs if arguments.only else [*runs] * arguments.runs:
            clear(folder)
            if not wait_until_idle(0 if arguments.impatient else IDLE_PATIENCE):
                print(f"The machine was busy before this run of {name}: these figures do not count.")
            if name == "product":
                installer = str(arguments.installer or bundle / "ragtrace-install.pyz")
                command = [arguments.python, installer, "install", str(bundle), "--prefix", "prefix", "--json"]
                done = run_product(command, folder, environment)
            else:
                done = run_by_hand(steps, folder, environment)
            runs[name].append(done)
            print(f"{name}: {done.seconds:.1f} s", file=sys.stderr, flush=True)
        clear(folder)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where both work (default: beside the bundle)")
    parser.add_argument("--python", default=str(Path(getattr(sys, "_base_executable", sys.executable)).resolve()))
    parser.add_argument("--installer", type=Path, help="another zipapp than the bundle's, for a comparison")
    parser.add_argument("--impatient", action="store_true", help="run on a busy machine too")
    parser.add_argument("--only", choices=("product", "hand"), help="run one of both, for a profile")
    arguments = parser.parse_args()
    bundle = arguments.bundle.resolve()
    manifest = json.loads((bundle / "MANIFEST.json").read_bytes())
    steps = by_hand(bundle, manifest, arguments.python)
    for _name, command in steps:
        print(f"$ {command}")
    runs = run_in_turn(arguments, bundle, steps)
    for name, found in runs.items():
        if found:
            show(name, found)
    if runs["product"] and runs["hand"]:
        pairs = list(zip(runs["product"], runs["hand"]))
        whole = statistics.median(ours.seconds / theirs.seconds for ours, theirs in pairs)
        without = statistics.median(ours.seconds / (theirs.seconds - theirs.phases["unpack"]) for ours, theirs in pairs)
        size = manifest["totals"]["bytes"] / 1e9
        print(f"{len(manifest['packages'])} packages, {size:.2f} GB, {arguments.runs} runs")
        print(f"ratio to all by hand {whole:.2f}, to uv, imports and sync alone {without:.2f}")


if __name__ == "__main__":
    main()
