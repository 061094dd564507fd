"""Time `fleet report` on the statements of many hosts that do not exist, in every format, and measure its memory.

    python benchmarks/fleets/report.py [--hosts 5000] [--problems 8]

Each host has a key of its own, a receipt and a report; one in fifty differs from the others. Every signature is
verified. The exit code is 1 if a format takes over 10 s for 5,000 reports, or the process over 200 MB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fleet_report.made import GOOD, INSTALLED, PROBLEM, RECEIPT_FACTS, REPORT, Host

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MEMORY = 10.0, 200e6  # for 5,000 reports
FORMATS = ("text", "json", "csv", "prometheus", "html")
CALL = "import sys; from bootstrap.cli import main; sys.exit(main(sys.argv[1:]))"


def make(folder: Path, keys: Path, hosts: int, problems: int) -> int:
    """Write the statements and the keys of all hosts; return the bytes of the statements."""
    lines, written = [], 0
    for number in range(hosts):
        host = Host(f"host-{number:05}", installation=f"{number:016x}", machine_id=f"{number:016x}")
        odd = number % 50 == 0
        installed = replace(INSTALLED, version="1.2.2", counter=4) if odd else INSTALLED
        found = tuple(
            replace(
                PROBLEM,
                check_id=f"system.check_{index}",
                status="WARN",
                details=f"{number} of {index}: " + "text " * 20,
            )
            for index in range(problems)
        )
        facts = REPORT if odd else replace(GOOD, status="GOOD", problems=found)
        paths = (
            host.put(folder, host.says(1, RECEIPT_FACTS, installed=installed)),
            host.put(folder, host.says(2, facts, installed=installed)),
        )
        written += sum(path.stat().st_size for path in paths)
        lines.append(host.line)
    keys.write_text("".join(lines))
    return written


def measured(*arguments: str) -> tuple[float, int]:
    """Return the seconds and the most bytes of memory that a call of the command takes."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", CALL, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"fleet report ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=5000)
    parser.add_argument("--problems", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, keys = Path(scratch, "statements"), Path(scratch, "allowed_signers")
        folder.mkdir()
        size = make(folder, keys, options.hosts, options.problems)
        call = ("fleet", "report", str(folder), "--allowed-signers", str(keys))
        found = {kind: measured(*call, "--format", kind, "--output", str(Path(scratch, "out"))) for kind in FORMATS}
        page = Path(scratch, "out").stat().st_size
    result = {
        "reports": options.hosts,
        "statements": 2 * options.hosts,
        "bytes": size,
        "page_bytes": page,
        **{kind: {"s": round(seconds, 2), "mb": round(memory / 1e6)} for kind, (seconds, memory) in found.items()},
    }
    print(json.dumps(result, indent=2))
    seconds = max(seconds for seconds, _memory in found.values()) * 5000 / options.hosts
    return int(seconds > SECONDS or max(memory for _seconds, memory in found.values()) > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
