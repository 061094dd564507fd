"""Runs a program without a network, in its own network namespace, if Linux permits one.

Loopback works inside. If a namespace is not available (other systems, hosts that forbid it), the program runs with the
network, and the caller reports that. With an account, the program has that user's rights, but the namespace is created
with this process's rights, because that user may not be allowed to create one.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from installer.release import acceptance
from shared.errors import ToolError
from shared.processes import process, scripts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TRY_LIMIT = 10.0  # seconds
ENTER = scripts.text("scripts/without_network")


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    account: process.Account | None = None,
    cwd: Path | None = None,
    **options: Any,
) -> process.Completed:
    """Run a program like ``process.run``, without a network if the host permits it."""
    if not possible():
        return process.run(argv, env=env, account=account, cwd=cwd, **options)
    if account is not None:
        env = {**env, "HOME": account.home}
    return process.run(without_network(argv, account, cwd)[0], env=env, **options)


def without_network(
    argv: Sequence[str], account: process.Account | None = None, folder: Path | None = None
) -> tuple[list[str], bool]:
    """Return the command to run instead of a program, and whether it disables the network.

    ``argv`` begins with the absolute path of the program. If the host does not permit disabling the network, it is
    returned unchanged.
    """
    if not possible():
        return list(argv), False
    return [*_entering(account, folder), *argv], True


@functools.cache
def possible() -> bool:
    """Return whether this host permits running a program without a network."""
    if sys.platform != "linux":
        return False
    try:
        return process.run(_entering(), env=acceptance.basic_environment(), timeout=TRY_LIMIT).ok
    except ToolError:
        return False


def _entering(account: process.Account | None = None, folder: Path | None = None) -> list[str]:
    ids = f"{account.user}:{account.group}:{','.join(map(str, account.groups))}" if account else ""
    return [sys.executable, "-I", "-S", "-B", "-c", ENTER, ids, str(folder or "")]
