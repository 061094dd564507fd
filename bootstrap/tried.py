"""What a run will need of its host, tried before the first write: locks, threads, reading all that is the user's."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from typing import TYPE_CHECKING

from bootstrap import backup_files, limits, lockfile, troubles
from bootstrap.errors import HostError
from bootstrap.host_findings import Finding
from bootstrap.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bootstrap.prefix import Prefix

OWN = ".ragtrace-"  # how our own names begin in a folder of others
TRIAL = f"{OWN}try-"


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
        return troubles.reason(error, troubles.WRITING, path=place)


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
    details = plural(
        "{number} thread at once, {needed} needed", "{number} threads at once, {needed} needed", had
    ).format(number=had, needed=limits.NEEDED_THREADS)
    return Finding(_("Limits"), had >= limits.NEEDED_THREADS, details, limits.advice())


def copying(prefix: Prefix) -> Iterator[Finding]:
    """Try what the backup needs: to read all that is the user's, and as root to give copies their owners."""
    name, foreign, path = _("Backup"), None, str(prefix.data)
    advice = _("Give this user the right to read it, or run this as its owner.")
    try:
        for entry in backup_files.of_the_user(prefix):
            path = entry.path
            if entry.is_file and not entry.here.do(os.access, entry.name, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            foreign = foreign or (entry if entry.status.st_uid != 0 else None)
    except FileNotFoundError:
        return  # the application is at work there, of which the finding on processes tells
    except PermissionError as error:
        details = _("{path} cannot be read, and is to be backed up").format(path=error.filename or path)
        yield Finding(name, False, details, advice)
        return
    if sys.platform == "win32" or os.geteuid() != 0 or foreign is None or trouble_writing(nearest(prefix.backups)):
        return
    status, shown = foreign.status, foreign.path
    with tempfile.TemporaryDirectory(prefix=TRIAL, dir=nearest(prefix.backups)) as folder:
        try:
            os.chown(folder, status.st_uid, status.st_gid)
        except OSError as error:
            details = _("a copy of {path} cannot be given its owner: {reason}").format(
                path=shown, reason=troubles.reason(error, troubles.WRITING)
            )
            yield Finding(name, False, details, _("Run this as its owner, or give root the capability CAP_CHOWN."))
