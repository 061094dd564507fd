"""The closed side of a story: somebody at a host with nothing but what the medium brings."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any

from tests.hosts.closed import HOMES
from tests.stories.workshop import quiet, succeeded

if TYPE_CHECKING:
    from pathlib import Path

    from shared.processes.process import Completed
    from tests.hosts.closed import Host

NOT_OF_THE_STATE = ("state/logs", "state/audit", "state/unfinished")  # what even a refused run may write


class Operator:
    """One user of a host; ``prefix`` is where an installation without --prefix goes, unless another is named."""

    def __init__(self, host: Host, user: str = "root", prefix: str | None = None, *, python: str = "python3") -> None:
        self.host, self.user, self.python = host, user, python
        self.medium = ""  # the bundle that was brought last
        self.home = HOMES[user]
        self.prefix = prefix or f"{self.home}/.local/share/ragtrace/rag-mini"

    def copy_in(self, bundle: Path, folder: str = "medium") -> str:
        """Copy a bundle to the host and return its path there."""
        target = f"{self.home}/{folder}/{bundle.name}"
        self.host.put(bundle, target, user=self.user)
        self.medium = target
        return target

    def run(self, *argv: str, cwd: str = "/", **options: Any) -> Completed:
        """Run a program that shows no traceback, whatever happens."""
        return quiet(self.host.run(*argv, user=self.user, cwd=cwd, **options))

    def installer(self, bundle: str, *arguments: str, **options: Any) -> Completed:
        """Run the zipapp of a bundle."""
        return self.run(self.python, f"{bundle}/ragtrace-install.pyz", *arguments, **options)

    def install(self, bundle: str, *arguments: str, **options: Any) -> dict[str, Any]:
        """Install a bundle, which must succeed, and return what it says."""
        done = succeeded(self.installer(bundle, "install", "--json", *arguments, **options))
        return dict(json.loads(done.stdout))

    def tool(self, *arguments: str, **options: Any) -> Completed:
        """Run the installed tool, as it lies among the application's commands."""
        return self.run(f"{self.prefix}/bin/ragtrace-offline", *arguments, **options)

    def app(self, *arguments: str, **options: Any) -> Completed:
        """Run the example from its installed launcher."""
        return self.run(f"{self.prefix}/bin/rag-mini", *arguments, **options)

    def path(self, inside: str) -> Path:
        """Return a path of the installation as seen from outside."""
        return self.host.path(f"{self.prefix}/{inside}")

    def configure(self, **settings: str) -> None:
        """Fill in the settings file."""
        with self.path(".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def state(self) -> dict[str, str]:
        """Return what every file of the installation is (kind, mode, content), but for its logs."""
        return dict(_states(self.path("")))

    def exists(self, path: str) -> bool:
        """Tell whether something is there on the host."""
        return os.path.lexists(self.host.path(path))


def _states(root: Path) -> Any:
    digests: dict[int, str] = {}  # by inode: releases and the store share files
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, root)
            if not inside.startswith(NOT_OF_THE_STATE):
                yield inside, _state(path, digests)


def _state(path: str, digests: dict[int, str]) -> str:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return f"link to {os.readlink(path)}"
    if not stat.S_ISREG(status.st_mode):
        return f"{status.st_mode:o}"
    if status.st_ino not in digests:
        with open(path, "rb") as file:
            digests[status.st_ino] = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{status.st_mode:o} {digests[status.st_ino]}"


def refused(done: Completed, code: int, *words: str) -> str:
    """Return the one sentence of a refusal, which has this exit code, says these words and what to do next."""
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    advice = [line for line in done.stderr.splitlines() if line.startswith("  next: ")]
    assert (len(errors), len(advice)) == (1, 1), done.stderr
    for word in words:
        assert word in errors[0], done.stderr
    return errors[0] + advice[0]
