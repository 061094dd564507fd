"""The connected side of a story: bundles made by the real builder, each once for a session."""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tomllib
import uv

from bundle.target import host_target
from shared.processes import process
from tests.hosts import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXAMPLE = needs.CHECKOUT / "examples" / "rag-mini"
COUNTERS = {"0.1.0": 10, "0.2.0": 20, "0.3.0": 30}
HELLO = {
    "pyproject.toml": """\
[project]
name = "hello-site"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["idna"]

[project.scripts]
hello-site = "hello_site.main:main"
""",
    "src/hello_site/__init__.py": "",
    "src/hello_site/main.py": """\
import sys

import idna


def main():
    if sys.argv[1] == "--help":
        sys.exit(print("usage: hello-site WORD"))
    print("hello", idna.encode(sys.argv[1]).decode())
""",
}


class Workshop:
    """A machine with an index: keys, projects in several versions, and bundles of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.here = str(host_target())
        self.cache = needs.cache_folder() / "builder"
        self._pool = ThreadPoolExecutor(2)
        self._made: dict[tuple[str, ...], Future[Path]] = {}
        self.key = self._keygen("signer")
        self.stranger = self._keygen("stranger")
        tool = [sys.executable, str(needs.CHECKOUT / "tools" / "example_model.py")]
        self.model = succeeded(process.run(tool, timeout=600)).stdout.strip()

    def close(self) -> None:
        """End what is under way and remove all bundles: they take 150 MB each."""
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self.folder)

    def order(self, *versions: str, python: str) -> None:
        """Begin to build versions of the example for a Python, two at a time."""
        for version in versions:
            self._begin(("rag-mini", version, python), partial(self._example, version, python))

    def bundle(self, version: str, python: str) -> Path:
        """Return the bundle of the example in a version (one of COUNTERS) for a Python on this machine's platform."""
        self.order(version, python=python)
        return self._made["rag-mini", version, python].result()

    def delta(self, version: str, base: str, python: str) -> Path:
        """Return the bundle of the example in a version without what an earlier one brought."""
        key = ("rag-mini", version, python, base)
        manifest = self.bundle(base, python) / "MANIFEST.json"
        self._begin(key, lambda: self._example(version, python, "--base", str(manifest)))
        return self._made[key].result()

    def hello(self, python: str, target: str = "") -> Path:
        """Return the bundle of a small project without a profile; ``target`` is this machine's unless named."""
        options = ("--target", target) if target else ()
        key = ("hello", python, target)
        self._begin(key, lambda: self.build(self.project("hello", HELLO), "--python", python, *options))
        return self._made[key].result()

    def life(self, texts: Mapping[str, str], python: str, version: str) -> Path:
        """Return the bundle of a project's files in a version for a Python."""
        key = ("life", python, version)

        def make() -> Path:
            changed = {**texts, "pyproject.toml": texts["pyproject.toml"].replace("1.0.0", version)}
            project = self.project(f"life-{version}", changed)
            return self.build(project, "--python", python, "--counter", version[0], out="-".join(key))

        self._begin(key, make)
        return self._made[key].result()

    def hello_in_volumes(self, size: str, python: str, *more: str) -> Path:
        """Return the bundle of the small project with its archive cut into volumes."""
        key = ("volumes", size, python, *more)
        options = ("--python", python, "--volume-size", size, *more)
        self._begin(key, lambda: self.build(self.project("hello", HELLO), *options, out="-".join(key)))
        return self._made[key].result()

    def hello_by(self, key: Path, counter: str, python: str) -> Path:
        """Return a release of the small project with another signer and counter."""
        out = f"{key.name}-{counter}"
        options = ("--python", python, "--counter", counter)
        self._begin((out, python), lambda: self.build(self.project("hello", HELLO), *options, key=key, out=out))
        return self._made[out, python].result()

    def build(self, project: Path, *options: str, key: Path | None = None, out: str = "out") -> Path:
        """Build a project as its README says and return the bundle folder."""
        places = ("--output-dir", str(self.folder / out), "--cache-dir", str(self.cache))
        signed = ("--sign-key", str(key or self.key), "--json")
        done = succeeded(self.builder("build", "--project-root", str(project), *places, *signed, *options))
        return Path(json.loads(done.stdout)["bundles"][0]["folder"])

    def builder(self, *arguments: str) -> process.Completed:
        """Run the builder's command line to its end."""
        return quiet(
            process.run([sys.executable, "-m", "builder", *arguments], cwd=needs.CHECKOUT, env=clean(), timeout=900)
        )

    def _begin(self, key: tuple[str, ...], make: Callable[[], Path]) -> None:
        if key not in self._made:
            self._made[key] = self._pool.submit(make)

    def _keygen(self, name: str) -> Path:
        path = self.folder / name
        succeeded(self.builder("keygen", str(path), "--no-passphrase"))
        return path

    def _example(self, version: str, python: str, *more: str) -> Path:
        counter = ("--counter", str(COUNTERS[version]))
        project = EXAMPLE if version == "0.1.0" else self._later(version, python)
        return self.build(project, "--python", python, "--model", f"path:{self.model}", *counter, *more)

    def _later(self, version: str, python: str) -> Path:
        """Return a checkout of the example as it might be later: other data, another lock; 0.3.0 does not start."""
        changed = {
            "pyproject.toml": (EXAMPLE / "pyproject.toml").read_text().replace('"0.1.0"', f'"{version}"'),
            "data/questions.json": (EXAMPLE / "data" / "questions.json").read_text().replace("handbook", "handbook-2"),
            "data/more.json": "{}\n",
        }
        with (EXAMPLE / "uv.lock").open("rb") as file:
            locked = {package["name"]: package["version"] for package in tomllib.load(file)["package"]}
        older = f'dependencies = [\n    "tqdm<{locked["tqdm"]}",'
        changed["pyproject.toml"] = changed["pyproject.toml"].replace("dependencies = [", older)
        if version == "0.3.0":
            changed["src/rag_mini/commands.py"] = "raise RuntimeError('not ready for the closed network')\n"
        return self.project(f"rag-mini-{version}-{python}", changed, EXAMPLE)

    def project(self, name: str, texts: Mapping[str, str], base: Path | None = None) -> Path:
        """Make a uv-locked project in a git checkout of its own, from what git tracks of ``base`` and from texts."""
        folder = self.folder / "projects" / name
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        if base is not None:
            listed = run("git", "ls-files", "-z", cwd=base).stdout
            for path in filter(None, listed.split("\0")):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(base / path, folder / path)
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        run(uv.find_uv_bin(), "lock", "--quiet", cwd=folder)
        run("git", "init", "--quiet", cwd=folder)
        run("git", "add", "--all", cwd=folder)
        who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")
        run("git", *who, "commit", "--quiet", "--message", name, cwd=folder)
        return folder


def run(*argv: str, cwd: Path) -> process.Completed:
    """Run a program of this machine that must succeed."""
    return succeeded(process.run(argv, cwd=cwd, env=clean(), timeout=300))


def clean() -> dict[str, str]:
    """Return this process's environment without what would change a build."""
    left_out = ("GIT_", "RAGTRACE_", "SOURCE_DATE_EPOCH", "UV_PROJECT", "VIRTUAL_ENV")
    stored = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**stored, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def quiet(done: process.Completed) -> process.Completed:
    """Return a run that showed nobody a traceback and came to its end."""
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert not done.timed_out, done
    return done


def succeeded(done: process.Completed) -> process.Completed:
    """Return a run that succeeded."""
    assert quiet(done).ok, f"{done.argv} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done
