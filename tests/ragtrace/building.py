"""The connected side: bundles of RAGTrace for each platform, and the delta of a later version."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from shared.processes import process
from tests.stories.workshop import clean, run, succeeded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ragtrace.table import Table

BUILD_SECONDS = 5400
TARGETS = ("linux-x86_64", "windows-amd64", "macos-arm64")
LATER = "0.2.0"


class Builder:
    """A builder's machine: a key, the application's checkout, its model, and the bundles of both versions."""

    def __init__(self, project: Path, model: str, folder: Path, advisories: Path | None) -> None:
        self.project, self.model, self.folder = project, model, folder
        self.key = folder / "signing-key"
        self.exports = advisories
        self.bundles: dict[str, Path] = {}

    def call(self, *arguments: str) -> process.Completed:
        """Run a command of the builder, which must succeed."""
        argv = [sys.executable, "-m", "builder", *arguments]
        return succeeded(process.run(argv, env=clean(), timeout=BUILD_SECONDS))

    def prepare(self) -> None:
        """Make a signing key and, where an export of advisories is at hand, a snapshot of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.call("keygen", str(self.key), "--no-passphrase")
        if self.exports:
            snapshot = ("--output", str(self.folder / "advisories.zip"), "--sign-key", str(self.key))
            self.call("advisories", "import", str(self.exports), *snapshot)

    def build(self, target: str, *more: str, project: Path | None = None, out: str = "packages") -> Path:
        """Build one bundle as README says, and return the bundle folder.

        The application's own findings are told and not excepted away, so they do not end the build.
        """
        known = ("--advisories", str(self.folder / "advisories.zip"), "--fail-on", "never") if self.exports else ()
        done = self.call(
            "build",
            *("--project-root", str(project or self.project), "--profile", "ragtrace", "--python", "3.11"),
            *("--target", target, "--model", self.model, "--sign-key", str(self.key)),
            *("--output-dir", str(self.folder / out), "--json", *known, *more),
        )
        return self.described(done)

    def described(self, done: process.Completed) -> Path:
        """Remember what a build said, and return its folder."""
        self.facts = json.loads(done.stdout)["bundles"][0]
        return self.folder.joinpath(self.facts["folder"])

    def build_all(self, table: Table) -> None:
        """Build for every platform, and the delta of a later version."""
        for target in TARGETS:
            with table.step(f"build {target}", "15-30 min" if target == TARGETS[0] else "") as row:
                self.bundles[target] = self.build(target, "--counter", "10")
                row.note = f"{self.facts['packages']} wheels, {self.facts['bytes'] / 1e9:.2f} GB"
        with table.step(f"build the delta to {LATER}") as row:
            base = ("--base", str(self.bundles[TARGETS[0]] / "MANIFEST.json"), "--counter", "20")
            self.bundles["delta"] = self.build(TARGETS[0], *base, project=self.later(), out="delta")
            row.note = f"{self.facts['bytes_brought'] / 1e6:.1f} MB travel"

    def later(self) -> Path:
        """Return a checkout of the application as its next version might be: another number, one more data set."""
        folder = self.folder / "later"
        run("git", "clone", "--quiet", str(self.project), str(folder), cwd=self.folder)
        for name in ("pyproject.toml", "uv.lock"):
            file = folder / name
            head, own, tail = file.read_text().partition('name = "ragtrace"\nversion = "')
            file.write_text(head + own + LATER + tail[tail.index('"') :])
        (folder / "data" / "later.json").write_text("[]\n")
        run("git", "add", "--all", cwd=folder)
        who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")
        run("git", *who, "commit", "--quiet", "--message", LATER, cwd=folder)
        return folder
