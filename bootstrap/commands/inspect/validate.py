"""``validate``: check whether this host can run the application, and suggest fixes if it cannot."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common
from shared.files import outputs
from shared.i18n import _
from shared.terminal import exposition
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show_document, show_lines, visible
from validator import report as reports
from validator.check import CATEGORIES, FULL, NORMAL, QUICK
from validator.render import html as as_html
from validator.render import json as as_json
from validator.render import prometheus as as_prometheus
from validator.render import text as as_text

if TYPE_CHECKING:
    import argparse

    from validator.report import Report


STDOUT = 1
# extensions of --output and their formats
ENDINGS = {".json": "json", ".txt": "text", ".html": "html", exposition.ENDING: "prometheus"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--output",
        type=Path,
        metavar=_("FILE"),
        help=_(
            "write the report to this file; the extension .html, .txt or .prom selects that format, "
            "otherwise JSON, which recover reads"
        ),
    )
    parser.add_argument(
        "--format",
        choices=tuple(ENDINGS.values()),
        help=_("format of the report in the file, or on the screen without --output"),
    )
    common.add_asset(parser)
    _add_selection(parser)
    parser.add_argument(
        "--strict", action="store_true", help=_("exit with code 1 for WARNING too, not only for CRITICAL")
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar=_("SECONDS"),
        help=_("time limit for each check, overriding the check's own limit"),
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the checks."""
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
        "--skip", action="append", default=[], metavar=_("ID"), help=_("skip this check; may be repeated")
    )
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument(
        "--quick",
        dest="effort",
        action="store_const",
        const=QUICK,
        default=NORMAL,
        help=_("run only quick checks: take no measurements and do not read every file"),
    )
    effort.add_argument(
        "--full",
        dest="effort",
        action="store_const",
        const=FULL,
        help=_("run everything, including benchmarks"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Validate, print and write the report; return CHECKS_FAILED for CRITICAL and, with --strict, for WARNING."""
    kind = format_of(arguments)
    if arguments.output:
        outputs.require_writable(arguments.output)
    progress = common.progress_of(arguments)
    if arguments.asset is not None:
        api.set_asset(arguments.asset, arguments.prefix)
    report = api.validate(
        arguments.prefix,
        categories=arguments.category,
        checks=arguments.check,
        skip=arguments.skip,
        effort=arguments.effort,
        timeout=arguments.timeout,
        report_name=str(arguments.output) if arguments.output and kind == "json" else None,
        progress=progress,
    )
    if arguments.asset is not None and report.identity is not None:  # nothing may be installed that stores it
        report = replace(report, identity=replace(report.identity, asset=arguments.asset or None))
    if outputs.descriptor(arguments.output or "") != STDOUT:
        shown = "json" if arguments.json else "text" if arguments.output else kind
        say = show_document if shown == "json" else show_lines
        say(rendered(report, shown, width=screen_width(), quiet=arguments.quiet))
    if arguments.output:  # written last, so that the results are printed even if the disk is full
        mode = exposition.MODE if kind == "prometheus" else 0o600
        outputs.write(arguments.output, (rendered(report, kind, quiet=arguments.quiet) + "\n").encode(), mode=mode)
    head = api.audit_head(arguments.prefix)
    if head:
        progress.step(_("Audit log head: {head}").format(head=head))
    bad = (reports.CRITICAL, reports.WARNING) if arguments.strict else (reports.CRITICAL,)
    return CHECKS_FAILED if report.overall_status in bad else DONE


def format_of(arguments: argparse.Namespace) -> str:
    """Return the format from --format or the extension of --output; the default is JSON for a file, else text."""
    if arguments.format:
        return str(arguments.format)
    if arguments.output:
        return ENDINGS.get(arguments.output.suffix.lower(), "json")
    return "text"


def screen_width() -> int:
    """Return the columns of the terminal, or 80 if there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def rendered(report: Report, kind: str, *, width: int = 80, quiet: bool = False) -> str:
    """Return a report in a format, without a trailing newline; ``width`` and ``quiet`` apply to text."""
    if kind == "text":
        return visible(as_text.render(report, width=width, quiet=quiet))
    renderers = {"html": as_html.render, "json": as_json.render, "prometheus": as_prometheus.render}
    return renderers[kind](report)
