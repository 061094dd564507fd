"""Dry runs: what a command would do, one line each, and at the end whether it could."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.commands import common
from shared.errors import RagtraceError
from shared.i18n import _
from shared.terminal.commandline import DONE, exit_code
from shared.terminal.console import sentence, show, show_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Add the option of a dry run."""
    parser.add_argument("--dry-run", action="store_true", help=_("show what would be done, without writing anything"))


def rehearse(arguments: argparse.Namespace, plan: Callable[[], Iterable[str]]) -> int:
    """Print what a command would do, or why it would be refused; return the exit code that it would have."""
    would: list[str] = []
    fault: RagtraceError | None = None
    try:
        would += plan()
    except RagtraceError as error:
        fault = error
    reasons = [f"{fault.what} {fault.advice}".strip()] if fault else []
    if arguments.json:
        show_json({"ready": not fault, "would": would, "to_fix": reasons})
    else:
        for line in would:
            show(line)
        for reason in reasons:
            show(_("  NO  {what}").format(what=sentence(reason)))
        common.show_readiness(len(reasons))
    return exit_code(fault) if fault else DONE
