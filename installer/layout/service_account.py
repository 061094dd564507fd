"""The service account of an application that root installs: the owner of PREFIX/data.

Root works on that account's files and data with the account's rights, so that a link that the account placed there
cannot redirect root, and the account owns new files. The owner is read only from a folder that the account cannot
replace: PREFIX/data, or a folder inside one of root's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from installer.layout.location.placement import name_of
from shared.files import owners, temp_folders
from shared.processes import process
from shared.processes.process import Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from installer.layout.prefix import Prefix


def account_of(data: Path) -> Account | None:
    """Return the account that owns a data folder.

    The result is None if the caller is not root, if a trusted user owns the folder, or if it is missing.
    """
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
    except KeyError:  # a user ID without an entry in the user database, as in containers
        return Account(status.st_uid, status.st_gid, (), "/")
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return Account(account.pw_uid, account.pw_gid, tuple(groups), account.pw_dir)


def give(folder: Path, account: Account | None) -> None:
    """Make an account the owner of a folder and its contents; root must own the folder and its parent."""
    if account is None:
        return
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(os.path.join(place, name), account.user, account.group, follow_symlinks=False)
    os.chown(folder, account.user, account.group)  # last: until then no other user can enter it


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    timeout: float,
    folder: Path | None = None,
    account: Account | None = None,
) -> process.Completed:
    """Run a program of the application in a folder, by default in an empty one that is removed afterwards.

    ``timeout`` is in seconds. With ``account`` the program has that user's rights, and that user owns the empty folder.
    Raises ToolError if the program cannot be started.
    """
    if folder is not None:
        return process.run(argv, env=env, cwd=folder, timeout=timeout, account=account)
    with temp_folders.scratch(account=account) as empty:
        give(empty, account)
        return process.run(argv, env=env, cwd=empty, timeout=timeout, account=account)


def settings_of_another(prefix: Prefix) -> tuple[str, str]:
    """Return the owners of PREFIX/.env and of the data if root runs this and only the data is the service account's.

    Otherwise returns two empty strings.
    """
    account = account_of(prefix.data)
    if account is None or not prefix.env_file.exists():
        return "", ""
    owner = prefix.env_file.stat().st_uid
    return ("", "") if owner == account.user else (name_of(owner), name_of(account.user))


@contextlib.contextmanager
def acting_as_owner_of(data: Path) -> Iterator[None]:
    """Act with the rights of the service account that owns a data folder, if any, in the block; affects all threads."""
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
