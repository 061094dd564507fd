"""``compare``: print the differences between two reports of validate, or write them to a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bundle import strict
from shared import reading, troubles
from shared.errors import UsageError
from shared.files import outputs
from shared.i18n import _
from shared.terminal.columns import wrap
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show_json, show_lines, visible
from validator import compare as comparing
from validator.render import html_compare as as_html
from validator.report import LIMIT, parse_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from validator.compare import Comparison
    from validator.report import Report

STDOUT = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the two reports."""
    parser.add_argument("before", type=Path, metavar=_("BEFORE"), help=_("the earlier report, as JSON"))
    parser.add_argument("after", type=Path, metavar=_("AFTER"), help=_("the later report, as JSON"))
    parser.add_argument(
        "--output",
        type=Path,
        metavar=_("FILE"),
        help=_(
            "also write the comparison to this file; the extension .html or .txt selects that format, otherwise JSON"
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; the exit code is 1 if the later report does not cover what the earlier one does."""
    before, after = read(arguments.before), read(arguments.after)
    found = comparing.compare(before, after)
    if outputs.descriptor(arguments.output or "") != STDOUT:
        if arguments.json:
            show_json(found.to_json())
        else:
            show_lines(_wrapped(found, shutil.get_terminal_size((80, 24)).columns))
    if arguments.output:  # written last, so that the comparison is printed even if the disk is full
        kind = arguments.output.suffix.lower()
        if kind == ".html":
            text = as_html.render(before, after)
        else:
            text = visible(_wrapped(found, 80)) if kind == ".txt" else strict.dumps(found.to_json()).decode().rstrip()
        outputs.write(arguments.output, f"{text}\n".encode())
    return CHECKS_FAILED if found.uncovered else DONE


def _wrapped(found: Comparison, width: int) -> str:
    return "\n".join(part for line in lines(found) for part in wrap(line, width, "", "  "))


def read(path: Path) -> Report:
    """Read a report from a file. Raises UsageError if it is not a regular file, TrustError if it is not a report."""
    try:
        with reading.opened(path, follow=True) as file:
            data = file.read(LIMIT + 1)  # one byte over the limit, which the parser rejects
    except OSError as error:
        wanted = _("Specify two reports written by `validate --output`.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    return parse_report(data, path.name)


def lines(found: Comparison) -> Iterator[str]:
    """Yield the lines of a comparison, not yet wrapped."""
    yield _("Overall: {before} -> {after}").format(before=found.verdicts[0], after=found.verdicts[1])
    if found.uncovered:
        yield _("Not run by the later validation, so not compared: {checks}").format(checks=", ".join(found.uncovered))
    for name, (before, after) in found.facts.items():
        yield f"{name}: {before} -> {after}"
    kinds = as_html.kinds()
    for change in found.changes:
        before = change.before.status if change.before else "-"
        after = change.after.status if change.after else "-"
        shown = change.result
        yield f"{kinds[change.kind]}: {before} -> {after} {shown.id} {shown.check_name}: {shown.details}"
    for item in found.moved:
        yield f"{item.id} {item.metric}: {item.before:g} -> {item.after:g} {item.unit}"
    if not (found.facts or found.changes or found.moved):
        yield _("Nothing changed.")
