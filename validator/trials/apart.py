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
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TRY_LIMIT = 10.0  # seconds
# unshare(2): as root a network namespace, else one of a user namespace in which we keep our own ids
# (user_namespaces(7)); netdevice(7): loopback is down in a new one
ENTER = """
import ctypes, fcntl, os, socket, struct, sys
NEWNET, NEWUSER, SIOCSIFFLAGS, UP = 0x40000000, 0x10000000, 0x8914, 1
user, group = os.geteuid(), os.getegid()
unshare = ctypes.CDLL(None, use_errno=True).unshare
if unshare(NEWNET):
    if unshare(NEWNET | NEWUSER):
        sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP))
if sys.argv[1]:
    user, group, groups = sys.argv[1].split(":")
    os.setgroups([int(one) for one in groups.split(",") if one])
    os.setgid(int(group))
    os.setuid(int(user))
if sys.argv[2]:
    os.chdir(sys.argv[2])  # with the rights of whom the program is for
if sys.argv[3:]:
    os.execv(sys.argv[3], sys.argv[3:])
"""


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
