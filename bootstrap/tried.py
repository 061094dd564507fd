"""What a run will need of its host, tried before the first write: locks, threads, reading all that is the user's."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING

from bootstrap import backups, limits, lockfile
from bootstrap.errors import HostError
from bootstrap.host_findings import Finding
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bootstrap.prefix import Prefix

TRIAL = ".ragtrace-"


def nearest(path: Path) -> Path:
    """Return the path itself or the nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return path


def trouble_writing(place: Path) -> str:
    """Return why nothing can be written in a folder, an empty text where it can."""
    try:
        with tempfile.TemporaryDirectory(prefix=TRIAL, dir=place):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def locks(prefix: Prefix) -> Iterator[Finding]:
    """Try to lock a file there: some shares of a network have no locks, and two runs at once would spoil each other."""
    place = nearest(prefix.state)
    if sys.platform == "win32" or trouble_writing(place):
        return
    try:
        lockfile.demand(place)
    except HostError as trouble:
        yield Finding(_("Locks"), False, trouble.what.rstrip("."), trouble.advice)
    else:
        yield Finding(_("Locks"), True, _("files in {path} can be locked").format(path=place))


def programs() -> Finding:
    """Have as many threads at once as an installation takes: with fewer, uv waits for ever for those that it lacks."""
    had = limits.threads_at_once()
    details = _("{number} threads at once, {needed} needed").format(number=had, needed=limits.NEEDED_THREADS)
    return Finding(_("Limits"), had >= limits.NEEDED_THREADS, details, limits.advice())


def copying(prefix: Prefix) -> Iterator[Finding]:
    """Try what the backup needs: to read all that is the user's, and as root to give copies their owners."""
    name, foreign = _("Backup"), None
    effective = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    try:
        for path in backups.of_the_user(prefix):
            if path.is_symlink():
                continue
            if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0), **effective):
                details = _("{path} cannot be read, and is to be backed up").format(path=path)
                yield Finding(name, False, details, _("Give this user the right to read it, or run this as its owner."))
                return
            foreign = foreign or (path if path.stat().st_uid != 0 else None)
    except FileNotFoundError:
        return  # the application is at work there, of which the finding on processes tells
    if sys.platform == "win32" or os.geteuid() != 0 or foreign is None or trouble_writing(nearest(prefix.backups)):
        return
    status = foreign.stat()
    with tempfile.TemporaryDirectory(prefix=TRIAL, dir=nearest(prefix.backups)) as folder:
        try:
            os.chown(folder, status.st_uid, status.st_gid)
        except OSError as error:
            details = _("a copy of {path} cannot be given its owner: {reason}").format(
                path=foreign, reason=error.strerror
            )
            yield Finding(name, False, details, _("Run this as its owner, or give root the capability CAP_CHOWN."))
