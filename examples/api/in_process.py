"""The same tool inside a Python that has it: a checkout of this project and its dependencies.

.venv/bin/python examples/api/in_process.py /opt/app
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the checkout

from bootstrap import api
from bootstrap.errors import RagtraceError


class Steps:
    """What the tool tells of its progress; this one wants to know of warnings only."""

    def step(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)

    wait = api.QUIET.wait
    task = api.QUIET.task


def main(prefix: Path) -> int:
    """Show what is installed, whether its files are what was signed, and what it uses."""
    status = api.status(prefix)
    print(f"active: {status.active.id if status.active else '-'}")
    report = api.validate(prefix, checks=["packages.record", "security.integrity"], progress=Steps())
    for result in report.results:
        print(f"{result.status} {result.id}: {result.details}")
    for sample in api.monitor(prefix, interval=0.5, count=2):
        print(f"{len(sample.processes)} processes, {sample.resident} bytes of memory")
    return 0 if report.overall_status in ("EXCELLENT", "GOOD") else 1


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except RagtraceError as error:
        sys.exit(f"{error.what} {error.advice}")
