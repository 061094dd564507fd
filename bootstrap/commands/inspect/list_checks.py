"""``list-checks``: print every check with its identifier, category, title, effort and time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import api
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_json

if TYPE_CHECKING:
    import argparse


def configure(_parser: argparse.ArgumentParser) -> None:
    """Add nothing; this command has only the common options."""


def run(arguments: argparse.Namespace) -> int:
    """Print all checks, including those of the host and the installation; time limits are in seconds."""
    checks = api.list_checks(arguments.prefix)
    if arguments.json:
        rows = [
            {
                "id": check.id,
                "category": check.category,
                "title": check().title(),
                "effort": check.effort,
                "measures": check.measures,
                "limit": check.time_limit,
            }
            for check in checks
        ]
        show_json({"checks": rows})
        return DONE
    width = max(len(check.id) for check in checks)
    for check in checks:
        show(f"{check.id:<{width}}  {check.effort:<6}  {check.time_limit:>4.0f} s  {check().title()}")
    return DONE
