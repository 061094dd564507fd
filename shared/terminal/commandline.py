"""The shared parts of every command line of the tool: exit codes, error lines, logging.

A command is a function that takes parsed arguments and returns an exit code.
"""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

from shared import errors, limits, troubles
from shared.i18n import _
from shared.processes import ending
from shared.terminal import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

LOG = logging.getLogger("ragtrace")

WORKED_ON = ("prefix", "output_dir", "output")  # options that name what a command writes to
DONE, CHECKS_FAILED, BUG, INTERRUPTED = 0, 1, 70, ending.INTERRUPTED
EXIT_CODES: tuple[tuple[type[errors.RagtraceError], int], ...] = (
    (errors.UsageError, 2),
    (errors.TrustError, 3),
    (errors.HostError, 4),
    (errors.InstallError, 5),
    (errors.ToolError, 6),
    (errors.BuildError, 7),
    (errors.BusyError, 8),
)


def exit_code(error: errors.RagtraceError) -> int:
    """Return the exit code of an error (docs/operating.md: 2 usage … 8 locked, 70 a bug)."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), BUG)


def complain(error: errors.RagtraceError, *, as_json: bool) -> int:
    """Report an error, first the problem and then the next step, and return its exit code."""
    code = exit_code(error)
    LOG.debug("error", exc_info=error)
    reported = {"error": {"code": code, "what": error.what, "advice": error.advice}}
    if as_json and console.show_json(reported):
        return code
    console.complain(_("error: {what}").format(what="\n".join(map(console.sentence, error.sentences))))
    if error.advice:
        console.complain(_("  next: {advice}").format(advice=console.sentence(error.advice)))
    return code


def run_command(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Call a command, and convert any exception to one clear line and an exit code."""
    as_json = bool(getattr(arguments, "json", False))
    try:
        with ending.heeded():
            return command(arguments)
    except errors.RagtraceError as error:
        return complain(error, as_json=as_json)
    except KeyboardInterrupt as asked:
        number = ending.number_of(asked)
        if number == signal.SIGINT:
            console.complain(_("Interrupted."))
        else:
            console.complain(_("Terminated by {signal}.").format(signal=signal.Signals(number).name))
        return 128 + number
    except OSError as error:
        return complain(_host_trouble(error, arguments), as_json=as_json)
    except Exception as error:  # the last resort: an operator never sees a traceback
        lack = limits.refused(error)
        if lack is not None:
            return complain(lack, as_json=as_json)
        LOG.critical("bug", exc_info=error)
        text = _("This is a bug in this tool ({kind}: {text}).").format(kind=type(error).__name__, text=error)
        bug = errors.RagtraceError(text, advice=_("Send the log to whoever provided this tool."))
        return complain(bug, as_json=as_json)


def _host_trouble(error: OSError, arguments: argparse.Namespace) -> errors.HostError:
    """Return the error for a failed system call; without a file name, it names the path that the command works on."""
    named = (getattr(arguments, name, None) for name in WORKED_ON)
    return troubles.trouble(error, near=next((str(value) for value in named if value), None))


class _Visible(logging.Formatter):
    """Formats the log for the screen without tracebacks, terminal control characters or forged lines."""

    def format(self, record: logging.LogRecord) -> str:
        return console.sentence(record.getMessage())


def log_to_screen() -> None:
    """Also send the DEBUG log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Visible())
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)
