"""One root for every error that an operator may see.

Each says what happened, to which file, and what to do next. Exit codes are decided by the
command line (shared/terminal/commandline.py), never here.
"""

from __future__ import annotations


class RagtraceError(Exception):
    """What happened, and what to do next.

    ``what`` is one sentence that names the file or host concerned, or several where several are at fault:
    each is reported on a line of its own. ``advice`` is one sentence with the next step, or empty where nothing
    useful can be said.
    """

    def __init__(self, *what: str, advice: str = "") -> None:
        self.sentences = what
        self.what = "\n".join(what)
        super().__init__(self.what)
        self.advice = advice


class UsageError(RagtraceError):
    """The command was called wrongly."""


class TrustError(RagtraceError):
    """A byte, a signature, a signer or a format is not what was signed."""


class HostError(RagtraceError):
    """This host does not fit: platform, Python, space, permission."""


class InstallError(RagtraceError):
    """An installation, rollback or recovery failed; the message says which release is active."""


class ToolError(RagtraceError):
    """A program that we called failed or is missing."""


class BuildError(RagtraceError):
    """A bundle could not be built."""


class BusyError(RagtraceError):
    """Another run holds the lock."""
