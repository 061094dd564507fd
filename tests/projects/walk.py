"""One real application: built for a target, installed without a network, run, damaged, repaired and removed."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import tomllib
from packaging.specifiers import SpecifierSet

from shared.processes import process
from tests.hosts.closed import closed_host
from tests.stories.operator import Operator
from tests.stories.workshop import clean, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.processes.process import Completed

HOSTS = {"3.11.2": "bookworm", "3.13": "trixie", "3.14": "sid"}  # by the Python of each
SECONDS = 3600.0
HELP_SECONDS = 60.0
STEPS = ("plan", "build", "install", "metadata", "run", "validate", "repair", "remove")
VERSIONS = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
HEALTHY = ("EXCELLENT", "GOOD", "WARNING")


@dataclass
class Row:
    """What became of one project: seconds of each step that went well, where it stopped, and why."""

    project: str
    python: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    stopped: str = ""
    reason: str = ""

    @property
    def whole(self) -> bool:
        return not self.stopped


class Walk:
    """One project's life; a step that fails ends it."""

    def __init__(self, project: Path, key: Path, folder: Path, python: str = "") -> None:
        self.project, self.key, self.folder = project, key, folder
        self.row = Row(project.name if project.name != "repo" else project.parent.name, python or python_for(project))

    def all(self) -> Row:
        """Walk from the checkout to the removal."""
        self.folder.mkdir(parents=True)
        try:
            if self.step("plan", self.plan) and self.step("build", self.build):
                with closed_host(HOSTS[self.row.python], self.folder / "host") as self.host:
                    steps = (self.install, self.metadata, self.run, self.validate, self.repair, self.remove)
                    all(self.step(step.__name__, step) for step in steps)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.row

    def step(self, name: str, do: Callable[[], None]) -> bool:
        """Do a step and time it; returns whether it went well."""
        began = time.monotonic()
        try:
            do()
        except (AssertionError, OSError, KeyError, ValueError) as error:
            self.row.stopped, self.row.reason = name, str(error)[-1500:]
            return False
        self.row.seconds[name] = round(time.monotonic() - began, 1)
        return True

    def builder(self, *more: str) -> dict[str, Any]:
        """Run a build with no option but the target, and return what it says."""
        argv = ["build", "--project-root", str(self.project), "--target", "linux-x86_64", "--python", self.row.python]
        done = process.run([sys.executable, "-m", "builder", *argv, *more, "--json"], env=clean(), timeout=SECONDS)
        assert done.ok, told(done)
        return dict(json.loads(done.stdout))

    def plan(self) -> None:
        planned = self.builder("--dry-run")
        self.row.facts["bytes"] = planned["targets"][0]["bytes"]

    def build(self) -> None:
        made = self.builder("--sign-key", str(self.key), "--output-dir", str(self.folder / "packages"))["bundles"][0]
        self.bundle = self.folder.joinpath(made["folder"])
        self.row.facts["packages"] = made["packages"]

    def install(self) -> None:
        manifest = json.loads((self.bundle / "MANIFEST.json").read_text())
        product = manifest["product"]["name"]
        self.user = Operator(self.host, "operator", f"/home/operator/.local/share/ragtrace/{product}")
        medium = self.user.copy_in(self.bundle)
        shutil.rmtree(self.bundle)
        self.manifest, self.site = manifest, f"current/venv/lib/python{manifest['target']['python']}/site-packages"
        succeeded(self.user.installer(medium, "install", timeout=SECONDS))

    def metadata(self) -> None:
        """Ask for the application's own version, where it is a distribution."""
        name = self.manifest["product"]["name"]
        found = [package for package in self.manifest["packages"] if package["name"] == name]
        if found:
            python = f"{self.user.prefix}/current/venv/bin/python"
            done = succeeded(self.user.run(python, "-I", "-c", VERSIONS, name, timeout=SECONDS))
            assert done.stdout.strip() == found[0]["version"], done.stdout
        self.row.facts["distribution"] = bool(found)

    def run(self) -> None:
        """Start every command with --help."""
        names = sorted(path.name for path in self.user.path("bin").iterdir())
        own = [name for name in names if not name.startswith("ragtrace-offline")]
        self.row.facts["commands"] = own
        assert own, "no command"
        for name in own:
            command = f"{self.user.prefix}/bin/{name}"
            done = self.host.run(command, "--help", user=self.user.user, timeout=HELP_SECONDS)
            if done.timed_out and "Traceback" not in done.stderr:  # a server, which takes no notice of --help
                self.row.facts.setdefault("servers", []).append(name)
                continue
            # some applications end a --help with 1
            assert "Traceback" not in done.stderr, f"{name} --help: {told(done)}"
            assert done.ok or "usage" in (done.stdout + done.stderr).lower(), f"{name} --help: {told(done)}"

    def tool(self, *arguments: str) -> Completed:
        return self.user.tool(*arguments, timeout=SECONDS)

    def validate(self) -> None:
        report = json.loads(self.tool("validate", "--json").stdout)
        wrong = [row for row in report["validation_results"] if row["status"] in ("FAIL", "ERROR")]
        self.row.facts["verdict"] = report["overall_status"]
        assert report["overall_status"] in HEALTHY, [(row["check_name"], row["details"]) for row in wrong]

    def repair(self) -> None:
        """Alter one installed module, see it found, and repair it by its diagnosis."""
        victim = next(path for path in sorted(self.user.path(self.site).rglob("*.py")) if path.stat().st_size > 100)
        before = victim.read_bytes()
        inside = victim.relative_to(self.user.path(self.site))
        victim.chmod(0o644)
        victim.write_bytes(before + b"\n# altered\n")
        found = self.tool("validate", "--output", f"{self.user.home}/diagnosis.json")
        assert found.returncode == 1, told(found)
        succeeded(self.tool("recover", f"{self.user.home}/diagnosis.json", "--yes"))
        assert self.user.path(f"{self.site}/{inside}").read_bytes() == before

    def remove(self) -> None:
        succeeded(self.tool("uninstall", "--yes"))
        assert not self.user.path("releases").exists()


def python_for(project: Path) -> str:
    """Return the first Python of the hosts that a project allows."""
    file = project / "pyproject.toml"
    table = tomllib.loads(file.read_text()) if file.is_file() else {}
    wanted = SpecifierSet(table.get("project", {}).get("requires-python", ""))
    return next((python for python in HOSTS if f"{python}.5"[:6] in wanted), next(iter(HOSTS)))


def told(done: Completed) -> str:
    """Return the sentence and the advice that a failed program ended with."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = json.loads(done.stdout)["error"]
        return f"exit {done.returncode}: {error['what']} {error['advice']}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    first = next((n for n, line in enumerate(lines) if line.startswith("error: ")), max(0, len(lines) - 3))
    return f"exit {done.returncode}: " + " | ".join(lines[first:])[:1200]
