"""Why a build failed, in one sentence, with the advice that helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from builder.backends import enclosure
from builder.backends.workshop import last_reason
from builder.fetch.credentials import redact
from shared.errors import BuildError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.lock.locked import LockedSource
    from shared.processes.process import Completed

_NETWORK = re.compile(
    r"""(?ix) Temporary\ failure\ in\ name\ resolution | Network\ is\ unreachable | Name\ or\ service\ not\ known
    | nodename\ nor\ servname | Could\ not\ resolve | failed\ to\ lookup\ address | dns\ error | EAI_AGAIN | ENETUNREACH
    | getaddrinfo | MaxRetryError | attempting\ to\ make\ an\ HTTP\ request.*offline | offline\ mode"""
)
_OUTSIDE = re.compile(r"Read-only\ file\ system:?\s*(?P<path>'[^']*')?", re.VERBOSE)


def failed(locked: LockedSource, reason: str, advice: str = "") -> BuildError:
    """Return the error for a package that could not be built."""
    return BuildError(
        _("{package} could not be built from source: {reason}").format(package=_named(locked), reason=reason),
        advice=advice
        or _(
            "Run `uv build --wheel` on its source to see what is missing (a compiler or a library), build its wheel "
            "elsewhere and specify it with --wheel, or lock a version that has a wheel."
        ),
    )


def _named(locked: LockedSource) -> str:
    return f"{locked.name} {locked.version}".rstrip()


def explained(locked: LockedSource, done: Completed, work: Path, logs: Path) -> BuildError:
    """Return the error for a build that failed, with the cause as far as its output shows it.

    The whole output is written to a file in ``logs``, which the advice names.
    """
    error, log = _cause(locked, done, work), _written(locked, done, logs)
    if log is None:
        return error
    return BuildError(*error.sentences, advice=f"{error.advice} " + _("Its output is in {file}.").format(file=log))


def _written(locked: LockedSource, done: Completed, logs: Path) -> Path | None:
    """Write the output of a build to its file and return the path; None if it cannot be written."""
    path = logs / f"{_named(locked).replace(' ', '-')}.log"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, redact(f"{done.stdout}\n{done.stderr}").encode())
    except OSError:
        return None
    return path


def _cause(locked: LockedSource, done: Completed, work: Path) -> BuildError:
    said = f"{done.stdout}\n{done.stderr}"
    if done.timed_out:
        return failed(
            locked,
            _("the build exceeded its time limit"),
            _(
                "Allow more time with --build-timeout SECONDS, or build its wheel elsewhere and specify it with "
                "--wheel FILE."
            ),
        )
    if enclosure.was_refused(done):
        return failed(locked, last_reason(done))
    if _NETWORK.search(said):
        return BuildError(
            _("The build of {package} uses the network, which a build does not have: {reason}").format(
                package=_named(locked), reason=last_reason(done)
            ),
            advice=_(
                "Add what it downloads to its tracked files or to build-system.requires, or build its wheel on a "
                "machine with a network and specify it with --wheel FILE."
            ),
        )
    outside = _OUTSIDE.search(said)
    if outside:
        return BuildError(
            _("The build of {package} writes outside its own folder: {path}").format(
                package=_named(locked), path=outside["path"] or last_reason(done)
            ),
            advice=_(
                "Change it to write below its own folder, or build its wheel elsewhere and specify it with --wheel "
                "FILE."
            ),
        )
    return failed(locked, last_reason(done).replace(str(work), "…"))
