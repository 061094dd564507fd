"""``list-checks``: every check with its identifier, category, title, effort and time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.commandline import DONE
from bootstrap.console import show, show_json
from validator.registry import CHECKS

if TYPE_CHECKING:
    import argparse


def configure(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: it has the common options alone."""


def run(arguments: argparse.Namespace) -> int:
    """List the checks; the limit is in seconds."""
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
            for check in CHECKS
        ]
        show_json({"checks": rows})
        return DONE
    width = max(len(check.id) for check in CHECKS)
    for check in CHECKS:
        show(f"{check.id:<{width}}  {check.effort:<6}  {check.time_limit:>4.0f} s  {check().title()}")
    return DONE
