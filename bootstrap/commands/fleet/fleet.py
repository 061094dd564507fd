"""``fleet``: the table of the statements of many hosts, and the keys that they are verified with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet import command
from shared.i18n import _
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse

    from shared.terminal.parser import Parser

REPORT, ENROLL = "report", "enroll"


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    with actions(parser) as action:
        command.add_report(action(REPORT, _("show one table of the statements in a folder")))
        command.add_enroll(action(ENROLL, _("add keys of hosts to the file that statements are verified with")))


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    return {REPORT: command.report, ENROLL: command.enroll}[arguments.action](arguments)
