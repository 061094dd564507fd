"""What host tests need of this machine, and what a test does where it is missing.

A need that can be installed (a Debian package, a Debian root) skips a test on a developer's machine and
fails it in CI, so that CI never passes on tests that did not run. A need that cannot be installed (root,
Linux, a kernel that allows namespaces) skips the test everywhere. Either way the reason is named.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
APT_SECONDS = 600


class Unavailable(Exception):  # noqa: N818  an expected negative, not an error of the tests
    """This machine lacks something; ``installable`` when a package or a download would bring it."""

    def __init__(self, reason: str, *, installable: bool) -> None:
        super().__init__(reason)
        self.installable = installable


@contextmanager
def or_skip() -> Iterator[None]:
    """Turn Unavailable into a skip by name, or in CI into a failure where it could have been installed."""
    try:
        yield
    except Unavailable as need:
        if need.installable and os.environ.get("CI") == "true":
            pytest.fail(f"CI must have what can be installed: {need}", pytrace=False)
        pytest.skip(str(need))


def cache_folder() -> Path:
    """Return the folder where tests keep what is dear to make: RAGTRACE_TEST_CACHE, else .cache in the checkout."""
    named = os.environ.get("RAGTRACE_TEST_CACHE")
    return Path(named).resolve() if named else CHECKOUT / ".cache"


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a file lock that every test process on this machine respects; the kernel frees it when one dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def root_on_linux() -> None:
    """Raise Unavailable unless this is Linux and we are root: namespaces and mounts need both."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("a closed host needs Linux namespaces", installable=False)
    if os.geteuid() != 0:
        raise Unavailable("a closed host needs root, to mount and to enter namespaces", installable=False)


def program(name: str, *, package: str) -> str:
    """Return a program's path, installed through apt when it is missing; raises Unavailable."""
    if found := shutil.which(name):
        return found
    with lock(cache_folder() / "apt.lock"):
        return shutil.which(name) or _installed(name, package)


def _installed(name: str, package: str) -> str:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise Unavailable(f"{name} is missing: apt-get install {package}", installable=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", package]):
        done = process.run([apt, *step], env=environment, timeout=APT_SECONDS)
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is missing and apt-get could not install it: {done.stderr[-300:]}", installable=True)
    return found
