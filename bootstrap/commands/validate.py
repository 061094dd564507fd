"""``validate``: can this host run the application, and what to do where it can't."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api, files
from bootstrap.commandline import CHECKS_FAILED, DONE
from bootstrap.commands import common
from bootstrap.console import show
from bootstrap.errors import HostError
from bootstrap.i18n import _
from validator import report as reports
from validator.check import CATEGORIES
from validator.render import json as as_json
from validator.render import text as as_text

if TYPE_CHECKING:
    import argparse

    from validator.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--output", type=Path, metavar=_("FILE"), help=_("write the report to this file, as JSON for recover")
    )
    parser.add_argument(
        "--category",
        action="append",
        default=[],
        metavar=_("CATEGORY"),
        help=_("run the checks of this category ({known}); may be repeated").format(known=", ".join(CATEGORIES)),
    )
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar=_("ID"),
        help=_("run this check, for example packages.record; may be repeated"),
    )
    parser.add_argument(
        "--skip", action="append", default=[], metavar=_("ID"), help=_("leave this check out; may be repeated")
    )
    parser.add_argument("--strict", action="store_true", help=_("exit with 1 for WARNING too, not for CRITICAL alone"))
    parser.add_argument(
        "--timeout", type=float, metavar=_("SECONDS"), help=_("give every check so long, instead of its own limit")
    )


def run(arguments: argparse.Namespace) -> int:
    """Validate, write and show the report; exit 1 when it is bad."""
    common.start_log(api.prefix_or_none(arguments.prefix), "validate")
    report = api.validate(
        arguments.prefix,
        categories=arguments.category,
        checks=arguments.check,
        skip=arguments.skip,
        timeout=arguments.timeout,
        report_name=str(arguments.output) if arguments.output else None,
        progress=common.progress_of(arguments),
    )
    if arguments.output:
        write(report, arguments.output)
    if arguments.json:
        show(as_json.render(report))
    else:
        width = shutil.get_terminal_size((80, 24)).columns
        show(as_text.render(report, width=width, quiet=arguments.quiet))
    bad = (reports.CRITICAL, reports.WARNING) if arguments.strict else (reports.CRITICAL,)
    return CHECKS_FAILED if report.overall_status in bad else DONE


def write(report: Report, path: Path) -> None:
    """Write a report for its owner alone, whole or not at all."""
    try:
        files.write_atomic(path, reports.to_bytes(report), mode=0o600)
    except OSError as error:
        raise HostError(
            _("{path}: the report cannot be written: {reason}.").format(path=path, reason=error.strerror),
            advice=_("Name another file with --output."),
        ) from error
