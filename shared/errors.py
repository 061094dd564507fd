"""One base class for every error that an operator may see.

Each error states the problem, the file concerned and the next step. The command line
(shared/terminal/commandline.py) determines exit codes, not this module.
"""

from __future__ import annotations


class RagtraceError(Exception):
    """An error message: the problem, and the next step.

    ``what`` is one sentence that names the file or host concerned, or several sentences if several are at fault,
    each reported on a separate line. ``advice`` is the next step, or empty if there is no useful advice.
    """

    def __init__(self, *what: str, advice: str = "") -> None:
        self.sentences = what
        self.what = what[0] if len(what) == 1 else "\n".join(what)
        super().__init__(self.what)
        self.advice = advice

    @property
    def english(self) -> str:
        """The problem in English, for logs."""
        return "\n".join(getattr(sentence, "english", sentence) for sentence in self.sentences)

    @property
    def id(self) -> str:
        """The identifier of the problem, which does not depend on the operator's language."""
        return next(filter(None, (getattr(sentence, "id", "") for sentence in self.sentences)), "")


class UsageError(RagtraceError):
    """The command was called incorrectly."""


class TrustError(RagtraceError):
    """Data is malformed or differs from what was signed, or its signature or signer is not accepted."""


class HostError(RagtraceError):
    """This host is not suitable: platform, Python, space, permission."""


class InstallError(RagtraceError):
    """An installation, rollback or recovery failed; the advice states which release is active."""


class ToolError(RagtraceError):
    """A program that this tool calls failed or is missing."""


class BuildError(RagtraceError):
    """A bundle could not be built."""


class BusyError(RagtraceError):
    """Another process holds the lock."""
