"""Network namespaces that a test makes: servers on their usual ports, seen by nobody else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.hosts import needs
from tests.hosts.closed import LOOPBACK_UP

if TYPE_CHECKING:
    from collections.abc import Iterator

KEEPER = f"""{LOOPBACK_UP}
import sys
print("up", flush=True)
sys.stdin.read()
"""


class Network:
    """A namespace with a loopback interface of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def inside(self, *argv: str) -> list[str]:
        """Return the command that runs another one in the namespace."""
        return ["nsenter", "--target", str(self.pid), "--net", "--", *argv]

    def start(self, *argv: str, **options: Any) -> subprocess.Popen:
        return subprocess.Popen(self.inside(*argv), **options)

    def run(self, *argv: str, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.inside(*argv), timeout=timeout, capture_output=True, text=True, check=False, **options
        )


@contextmanager
def network() -> Iterator[Network]:
    """Make a namespace; what runs in it is to be ended before it. Skips the test where that is not possible."""
    with needs.or_skip():
        needs.root_on_linux()
    keeper = subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", KEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        if keeper.stdout.readline() != "up\n":
            pytest.skip("no network namespace can be made here")
        yield Network(keeper.pid)
    finally:
        keeper.stdin.close()
        keeper.wait(30)
        keeper.stdout.close()
