"""Running a program without a network: in a network namespace of its own, where Linux lets us have one.

Loopback works inside. Where that can't be had (other systems, hosts that forbid it), the program runs as it is, and
whoever asks says so. With an account the program has that user's rights; the namespace is made with ours, because
that user may be allowed none.
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
    offline: bool = True,
    cwd: Path | None = None,
    **options: Any,
) -> process.Completed:
    """Run a program as ``process.run`` does, but ``offline`` without a network where that can be."""
    if not (offline and possible()):
        return process.run(argv, env=env, account=account, cwd=cwd, **options)
    if account is not None:
        env = {**env, "HOME": account.home}
    return process.run(without_network(argv, account, cwd)[0], env=env, **options)


def without_network(
    argv: Sequence[str], account: process.Account | None = None, folder: Path | None = None
) -> tuple[list[str], bool]:
    """Return what to run in place of a program (absolute path first), and whether it will have no network."""
    if not possible():
        return list(argv), False
    return [*_entering(account, folder), *argv], True


@functools.cache
def possible() -> bool:
    """Return whether this host lets us run a program without a network."""
    if sys.platform != "linux":
        return False
    try:
        return process.run(_entering(), env=acceptance.basic_environment(), timeout=TRY_LIMIT).ok
    except ToolError:
        return False


def _entering(account: process.Account | None = None, folder: Path | None = None) -> list[str]:
    ids = f"{account.user}:{account.group}:{','.join(map(str, account.groups))}" if account else ""
    return [sys.executable, "-I", "-S", "-B", "-c", ENTER, ids, str(folder or "")]
