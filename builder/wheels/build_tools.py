"""The programs that build wheels from source: git checks out a commit, uv builds."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.fetch.credentials import redact
from builder.lock.export import uv_environment
from bundle.target import host_target
from shared.errors import BuildError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from builder.fetch.fetching import Fetching
    from builder.lock.locked import LockedSource
    from builder.project.project import UvSettings
    from bundle.target import Target

BUILD_TIME_LIMIT = 3600.0  # seconds, for one package
GIT_TIME_LIMIT = 600.0
EPOCH = 315532800  # SOURCE_DATE_EPOCH of every build: 1980, the earliest time in a zip
# variables that configure uv's indexes on this machine, and those that compilers of native code need
_PASSED = re.compile(
    r"""(?x) UV_(DEFAULT_)?INDEX | UV_(EXTRA_)?INDEX_URL | UV_FIND_LINKS | UV_INSECURE_HOST
    | CARGO_HOME | RUSTUP_HOME | PKG_CONFIG_PATH"""
)
_REASON = re.compile(r"(?i)error|failed|fatal|no such|not found|unsatisfiable")


@dataclass(frozen=True)
class Workshop:
    """The context of every build: the project's uv settings, and how sources are fetched."""

    settings: UvSettings
    fetching: Fetching


@dataclass(frozen=True)
class Source:
    """An unpacked source: its lockfile entry, and the archive or folder to build."""

    locked: LockedSource
    tree: Path


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter on this machine: its path and its version (X.Y)."""

    path: str
    version: str


def interpreter_for(target: Target) -> Interpreter:
    """Return the interpreter to build with, which is the running one unless the target is for this platform.

    In that case it is one of the target's Python version, if uv finds one on this machine.
    """
    running = Interpreter(sys.executable, host_target().python)
    if str(target) != str(host_target()) or target.python == running.version:
        return running
    done = _uv("python", "find", "--no-project", "--system", target.python, timeout=60.0)
    found = done.stdout.strip()
    return Interpreter(found, target.python) if done.ok and found else running


def build(source: Source, out: Path, python: str, workshop: Workshop) -> Path:
    """Build a wheel from a source archive or folder in an isolated environment, and return its path.

    Raises BuildError if the build fails, or does not create exactly one wheel.
    """
    locked = source.locked
    out.mkdir()
    argv = ["build", "--wheel", "--no-sources", "--out-dir", str(out), "--python", python]
    argv += [*_index_options(workshop.settings), *(["--offline"] if workshop.fetching.offline else [])]
    if workshop.settings.build_constraints:
        constraints = out.parent / "constraints.txt"
        constraints.write_text("\n".join(workshop.settings.build_constraints) + "\n", encoding="utf-8")
        argv += ["--build-constraints", str(constraints)]
    scm = re.sub(r"[-_.]+", "_", locked.name).upper()
    version = {f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{scm}": locked.version} if locked.version else {}
    done = _uv(*argv, str(source.tree), timeout=BUILD_TIME_LIMIT, env=version, cwd=out.parent)
    wheels = list(out.glob("*.whl"))
    if not done.ok or len(wheels) != 1:
        raise BuildError(
            _("{package} could not be built from source: {reason}").format(
                package=f"{locked.name} {locked.version}".rstrip(), reason=last_reason(done)
            ),
            advice=_(
                "Run `uv build --wheel` on its source to see what is missing (a compiler, a library or the "
                "network), or lock a version that has a wheel."
            ),
        )
    return wheels[0]


def check_out(source: LockedSource, tree: Path) -> None:
    """Check out a commit of a git repository with its submodules into a new folder.

    Raises BuildError if it cannot be fetched. Credentials come from git itself (its helpers, ssh, netrc).
    """
    tree.mkdir()
    _git(source, tree, "init", "--quiet")
    if not _git(source, tree, "fetch", "--quiet", "--depth=1", source.place, source.pin, demand=False).ok:
        # a server may refuse to send a commit that is not the head of a branch or a tag
        _git(source, tree, "fetch", "--quiet", "--tags", source.place, "+refs/heads/*:refs/remotes/origin/*")
    _git(source, tree, "checkout", "--quiet", "--detach", source.pin)
    _git(source, tree, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")


def _git(source: LockedSource, tree: Path, *arguments: str, demand: bool = True) -> process.Completed:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:ssh:file:http:git"}
    argv = ["git", "-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null", *arguments]
    done = process.run(argv, cwd=tree, env=env, timeout=GIT_TIME_LIMIT)
    if demand and not done.ok:
        raise BuildError(
            _("{package} cannot be fetched from {repository} at {commit}: {reason}").format(
                package=source.name, repository=redact(source.place), commit=source.pin, reason=last_reason(done)
            ),
            advice=_("Run `git fetch` for that commit manually, then build again."),
        )
    return done


def _uv(
    *arguments: str, timeout: float, env: dict[str, str] | None = None, cwd: Path | None = None
) -> process.Completed:
    import uv

    passed = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    fixed = {"SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "0"}
    environment = {**uv_environment(os.environ), **passed, **fixed, **(env or {})}
    return process.run([uv.find_uv_bin(), *arguments], env=environment, cwd=cwd, timeout=timeout)


def _index_options(settings: UvSettings) -> Iterator[str]:
    """Yield the project's indexes as options, because a source archive does not contain them."""
    for index in settings.indexes:
        if index.default:
            yield from ("--default-index", index.url)
        elif not index.explicit:
            yield from ("--index", f"{index.name}={index.url}" if index.name else index.url)


def last_reason(done: process.Completed) -> str:
    """Return the line of a program's stderr with the cause of its failure, without credentials."""
    if done.timed_out:
        return _("it timed out")
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    verdict = next((number for number, line in enumerate(lines) if line.startswith("error:")), len(lines))
    # first the output of the package's own build, then the messages of uv or git
    for part in (lines[:verdict], [line.removeprefix("cause: ") for line in lines[verdict:]]):
        telling = [line for line in part if _REASON.search(line)]
        if telling:
            return redact(telling[-1])
    return redact(lines[-1]) if lines else _("no message")
