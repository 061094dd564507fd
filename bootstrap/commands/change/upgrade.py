"""``upgrade``: judge a newer release with the installed tool, then let its own installer install it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common
from shared.i18n import _

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("bundle", type=Path, metavar=_("FOLDER"), help=_("the folder of the newer bundle"))
    common.add_wait(parser)
    common.add_time(parser)


def run(arguments: argparse.Namespace) -> int:
    """Hand over to the new installer and end as it ends."""
    options = ["--wait", str(arguments.wait), *common.time_options(arguments)]
    options += [name for name in ("--json", "--quiet") if getattr(arguments, name[2:])]
    options += ["--syslog", str(arguments.syslog)] if arguments.syslog is not None else []
    return api.upgrade(arguments.bundle, arguments.prefix, options=options, conditions=common.conditions_of(arguments))
