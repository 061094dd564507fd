"""``upgrade``: verify a newer release with the installed tool, then run its own installer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common, rehearsal
from bootstrap.commands.change import install
from installer.layout.location.finding import find_prefix
from shared.i18n import _

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("bundle", type=Path, metavar=_("FOLDER"), help=_("the folder of the newer bundle"))
    common.add_wait(parser)
    rehearsal.add_dry_run(parser)
    common.add_time(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify the newer bundle, run its installer and return that installer's exit code."""
    if arguments.dry_run:
        arguments.prefix, arguments.reinstall = find_prefix(arguments.prefix).root, False
        return install.show_plan(api.open_bundle(arguments.bundle), arguments)
    options = ["--wait", str(arguments.wait), *common.time_options(arguments)]
    options += [name for name in ("--json", "--quiet") if getattr(arguments, name[2:])]
    options += ["--syslog", str(arguments.syslog)] if arguments.syslog is not None else []
    return api.upgrade(arguments.bundle, arguments.prefix, options=options, conditions=common.conditions_of(arguments))
