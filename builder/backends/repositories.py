"""Checking out commits of git dependencies, with the tags that versions are derived from where they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from builder.backends.build_system import read_build_system
from builder.backends.workshop import last_reason
from builder.fetch.credentials import redact
from shared.errors import BuildError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from pathlib import Path

    from builder.lock.locked import LockedSource

GIT_TIME_LIMIT = 600.0  # seconds


def check_out(source: LockedSource, tree: Path) -> None:
    """Check out a commit of a git repository with its submodules into a new folder.

    A package whose version is not in its pyproject.toml gets the history and its tags too. Raises BuildError if
    anything cannot be fetched. Credentials come from git itself (its helpers, ssh, netrc); none remain in the folder.
    """
    tree.mkdir()
    _git(source, tree, "init", "--quiet", "--template=")
    shallow = _git(source, tree, "fetch", "--quiet", "--depth=1", source.place, source.pin, demand=False).ok
    if not shallow:
        # a server may refuse to send a commit that is not the head of a branch or a tag
        _fetch_all(source, tree)
    _git(source, tree, "checkout", "--quiet", "--detach", source.pin)
    if shallow and not read_build_system(tree / source.subdirectory).version_is_set:
        _fetch_all(source, tree, "--unshallow")
    _git(source, tree, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    (tree / ".git" / "FETCH_HEAD").unlink(missing_ok=True)


def _fetch_all(source: LockedSource, tree: Path, *more: str) -> None:
    _git(source, tree, "fetch", "--quiet", "--tags", *more, source.place, "+refs/heads/*:refs/remotes/origin/*")


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
