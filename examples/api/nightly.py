"""What another system's Python does with an installation every night: look, try to repair, tell.

Standard library only, Python 3.9 or later. The tool is called as a program of its own, so that nothing of it is
imported here: it brings its own packages and checks them at each start.

    python3 nightly.py /opt/app/bin/ragtrace-offline
    python3 nightly.py python3 /media/bundle/ragtrace-install.pyz --prefix=/opt/app
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

DONE, CHECKS_FAILED, BUSY = 0, 1, 8


class RagtraceError(Exception):
    """The tool stopped: its exit code, what happened, and what to do next."""

    def __init__(self, code: int, what: str, advice: str) -> None:
        super().__init__(what)
        self.code, self.what, self.advice = code, what, advice


class Ragtrace:
    """The commands of the tool as functions that return what their schema (docs/schemas) says."""

    def __init__(self, *tool: str, timeout: float = 3600.0) -> None:
        self.tool = tool
        self.timeout = timeout

    def call(self, command: str, *arguments: str) -> Any:
        """Run one command; a finding (exit code 1) is a result, everything else that is not 0 is raised."""
        options = [word for word in self.tool if word.startswith("--prefix=")]
        program = [word for word in self.tool if word not in options]
        done = subprocess.run(
            [*program, command, *arguments, *options, "--json", "--quiet"],
            stdin=subprocess.DEVNULL,  # nobody is there to be asked
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=self.timeout,
            check=False,
        )
        try:
            value = json.loads(done.stdout)
        except ValueError:
            raise RagtraceError(done.returncode, "it printed no result", "Look at its messages above.") from None
        if isinstance(value, dict) and "error" in value:
            raise RagtraceError(**value["error"])
        if done.returncode not in (DONE, CHECKS_FAILED):
            raise RagtraceError(done.returncode, "it did not do its work", "Look at its result.")
        return value


def main(argv: list[str]) -> int:
    """Return 0 when the installation is well, perhaps after a repair."""
    tool = Ragtrace(*argv)
    try:
        report = tool.call("validate", "--category", "packages", "--category", "security")
        print(f"{report['product']} {report['version']}: {report['overall_status']}")
        if report["overall_status"] != "CRITICAL":
            return 0
        for result in report["validation_results"]:
            if result["status"] in ("FAIL", "ERROR"):
                print(f"  {result['id']}: {result['details']}")
        repaired = tool.call("recover", "--yes")
        for remedy in repaired["plan"]["remedies"]:
            print(f"  {remedy['what']}")
        well = repaired["applied"] and all(result["status"] == "PASS" for result in repaired["results"])
        print(f"active now: {repaired['active']}")
        return 0 if well else 1
    except RagtraceError as error:
        print(f"{error.what} {error.advice}", file=sys.stderr)
        return 75 if error.code == BUSY else 1  # 75: try again later (sysexits.h)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
