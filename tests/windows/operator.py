"""Somebody at a Windows host: types commands, reads what they say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.stories.workshop import quiet, succeeded

if TYPE_CHECKING:
    from pathlib import Path

    from shared.processes.process import Completed
    from tests.hosts.windows import WindowsHost

# what a Python on the host runs: a program whose output it passes on, once it has found it to be of CODE_PAGE, if one
# is named; wine's own cmd garbles the arguments that reach it from a Unix command line
RUN = """\
import os, subprocess, sys
for name in ("LANG", "LC_ALL", "USER"):  # of Linux: a Windows host tells its language in another way
    os.environ.pop(name, None)
page = os.environ.pop("CODE_PAGE", "")
ended = subprocess.run(sys.argv[1:], capture_output=True)
for stream, said in ((sys.stdout, ended.stdout), (sys.stderr, ended.stderr)):
    stream.buffer.write(said.decode(page).encode() if page else said)
sys.exit(ended.returncode)
"""
RUNNER = "C:\\run.py"


@dataclass
class Operator:
    """A user of a Windows host with one installation at ``prefix``.

    With a ``code_page`` all that programs say, the application too, must be of that encoding.
    """

    host: WindowsHost
    prefix: str
    python: str = "3.11"
    code_page: str = ""

    def copy_in(self, bundle: Path, folder: str = "C:\\media") -> str:
        """Copy a bundle to the host and return its path there."""
        target = f"{folder}\\{bundle.name}"
        if not self.host.path(target).exists():
            self.host.put(bundle, target)
        return target

    def installer(self, bundle: str, *arguments: str, **options: Any) -> Completed:
        """Run the zipapp of a bundle for this prefix."""
        zipapp = f"{bundle}\\ragtrace-install.pyz"
        return quiet(self.host.python(self.python, zipapp, *arguments, "--prefix", self.prefix, **options))

    def install(self, bundle: str, *arguments: str) -> dict[str, Any]:
        """Install a bundle, which must succeed, and return what it says."""
        return dict(json.loads(succeeded(self.installer(bundle, "install", "--json", *arguments)).stdout))

    def tool(self, *arguments: str, **options: Any) -> Completed:
        """Run the installed tool from its .cmd."""
        return self.command("ragtrace-offline", *arguments, **options)

    def command(self, name: str, *arguments: str, **options: Any) -> Completed:
        """Run one of the installed commands as cmd.exe runs it."""
        return self.program(f"{self.prefix}\\bin\\{name}.cmd", *arguments, **options)

    def program(self, program: str, *arguments: str, **options: Any) -> Completed:
        """Run a script as cmd.exe runs it."""
        runner = self.host.path(RUNNER)
        if not runner.exists():
            runner.write_text(RUN)
        spoken = {"CODE_PAGE": self.code_page} if self.code_page else {"PYTHONIOENCODING": "utf-8"}
        environment = {**spoken, **options.pop("env", {})}
        return quiet(self.host.python("3.11", RUNNER, program, *arguments, env=environment, **options))

    def note(self, *words: str, **options: Any) -> dict[str, Any]:
        """Let the application note something and return what it answers."""
        name = options.pop("name", "note")
        return dict(json.loads(succeeded(self.command(name, *words, **options)).stdout))

    def validate(self, code: int, *arguments: str) -> dict[str, Any]:
        """Validate, look at the exit code, and return the report."""
        done = self.tool("validate", "--json", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def status(self) -> dict[str, Any]:
        return dict(json.loads(succeeded(self.tool("status", "--json")).stdout))

    def path(self, inside: str) -> Path:
        """Return a path of the installation as seen from outside."""
        return self.host.path(f"{self.prefix}\\{inside}")

    def configure(self, **settings: str) -> None:
        """Fill in the settings file."""
        with self.path(".env").open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())


def failures(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a report found wrong."""
    return [result for result in report["validation_results"] if result["status"] in ("FAIL", "ERROR")]
