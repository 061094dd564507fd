"""``schedule``: have this host validate and monitor the installation regularly, or no longer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from installer.layout.location import own_command
from installer.logs.runlog import RUN
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import complain, show, show_json
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse

    from bootstrap.api import Scheduled
    from shared.terminal.parser import Parser

INSTALL, REMOVE = "install", "remove"
TOOL_FAILED = 6  # exit code: a program that was called failed


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    with actions(parser) as action:
        install = action(
            INSTALL, _("write systemd timers (on Windows, tasks) that run `validate --quick` and `monitor`")
        )
        install.add_argument(
            "--metrics",
            type=Path,
            metavar=_("FOLDER"),
            help=_("the folder that the exporter's textfile collector reads; without it, only validate is run"),
        )
        install.add_argument("--enable", action="store_true", help=_("enable and start them, too"))
        remove = action(REMOVE, _("stop and remove them"))
        for changing in (install, remove):
            changing.add_argument(
                "--dry-run", action="store_true", help=_("show what would be done, without writing anything")
            )


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action, and print the files and the commands for them."""
    if arguments.action == REMOVE:
        done = api.schedule_remove(arguments.prefix, dry_run=arguments.dry_run)
    else:
        done = api.schedule_install(
            arguments.prefix,
            metrics=arguments.metrics,
            collector=str(arguments.syslog or ""),
            enable=arguments.enable,
            dry_run=arguments.dry_run,
        )
    if arguments.json:
        show_json(
            {
                "files": [str(path) for path in done.files],
                "commands": [list(argv) for argv in done.commands],
                "done": done.done,
                "failed": list(done.failed),
                "run": RUN,
            }
        )
    else:
        show_result(done, arguments)
    for reason in done.failed:
        complain(_("warning: {text}").format(text=reason))
    return TOOL_FAILED if done.failed else DONE


def show_result(done: Scheduled, arguments: argparse.Namespace) -> None:
    """Print the files, and the commands that the operator may run now."""
    removing = arguments.action == REMOVE
    for path in done.files:
        if arguments.dry_run:
            line = _("Would remove:   {path}") if removing else _("Would write:    {path}")
        else:
            line = _("Removed:        {path}") if removing else _("Written:        {path}")
        show(line.format(path=path))
    if not done.files:
        show(_("Nothing is scheduled for this installation."))
    if removing or done.done:
        return
    show(_("Nothing is enabled yet. To start it:"))
    for argv in done.commands:
        show(f"  {own_command.quoted(list(argv))}")
