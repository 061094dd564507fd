"""The account that an application runs under, where root installs it for another: whoever owns PREFIX/data.

What root does among that account's files, or with its data, is done with that account's rights: a link that it placed
there leads root nowhere, and what is new there is its own. The owner of a folder marks a place that the account cannot
change: PREFIX/data, or a folder that is in one of root's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from installer.layout.location.placement import name_of
from shared.files import owners, trials
from shared.processes import process
from shared.processes.process import Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from installer.layout.prefix import Prefix


def account_of(data: Path) -> Account | None:
    """Return the account that owns a data folder, for root where that is another; else None."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    try:
        status = data.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if status.st_uid in owners.trusted():
        return None
    import pwd

    try:
        account = pwd.getpwuid(status.st_uid)
    except KeyError:  # a number that no user database knows: a container's
        return Account(status.st_uid, status.st_gid, (), "/")
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return Account(account.pw_uid, account.pw_gid, tuple(groups), account.pw_dir)


def give(folder: Path, account: Account | None) -> None:
    """Give a folder of root's in one of root's (trials.scratch), and what it holds, to an account."""
    if account is None:
        return
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(os.path.join(place, name), account.user, account.group, follow_symlinks=False)
    os.chown(folder, account.user, account.group)  # last: until then nobody else is in there


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    timeout: float,
    folder: Path | None = None,
    account: Account | None = None,
) -> process.Completed:
    """Run a program of the application in a folder, or in an empty one: what it writes there goes with it.

    ``timeout`` is in seconds. With ``account`` it has that user's rights, and the empty folder is that user's. Raises
    ToolError when it cannot be started.
    """
    if folder is not None:
        return process.run(argv, env=env, cwd=folder, timeout=timeout, account=account)
    with trials.scratch(account=account) as empty:
        give(empty, account)
        return process.run(argv, env=env, cwd=empty, timeout=timeout, account=account)


def settings_of_another(prefix: Prefix) -> tuple[str, str]:
    """Return who owns PREFIX/.env and who the data, where these are two and the second could not read it; else ''."""
    account = account_of(prefix.data)
    if account is None or not prefix.env_file.exists():
        return "", ""
    owner = prefix.env_file.stat().st_uid
    return ("", "") if owner == account.user else (name_of(owner), name_of(account.user))


@contextlib.contextmanager
def acting_for(data: Path) -> Iterator[None]:
    """Have the rights of the account that owns a data folder, and no more, within the block (all threads have them)."""
    account = account_of(data)
    if account is None:
        yield
        return
    groups, group, user = os.getgroups(), os.getegid(), os.geteuid()
    try:
        os.setgroups(account.groups)
        os.setegid(account.group)
        os.seteuid(account.user)
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)
        os.setgroups(groups)
