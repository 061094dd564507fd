"""``advisories``: print the advisories in force, scan the installed packages, or adopt newer advisories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common, rehearsal
from bundle.advisories.assess import FRESH, facts_of, set_aside_lines
from bundle.advisories.matcher import named, part_name
from bundle.advisories.reports import words
from bundle.advisories.severity import FAIL, TABLES
from shared.i18n import _, plural
from shared.terminal import counted
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show, show_json
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from bundle.advisories.assess import Assessment
    from installer.advisories.scan import InstalledScan
    from installer.advisories.update import Update
    from shared.terminal.parser import Parser

SHOW, SCAN, UPDATE = "show", "scan", "update"


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    with actions(parser) as action:
        action(SHOW, _("show the advisories in force"))
        _add_scan(action(SCAN, _("scan with the advisories in force")))
        updated = action(UPDATE, _("apply newer advisories or exceptions, then scan"))
        updated.add_argument(
            "file",
            type=Path,
            metavar=_("FILE"),
            help=_("a snapshot or an exceptions file, with its .sig files next to it"),
        )
        updated.add_argument(
            "--accept-clock",
            action="store_true",
            help=_("continue even if the file's date is ahead of this host's clock"),
        )
        common.add_wait(updated)
        rehearsal.add_dry_run(updated)
        _add_scan(updated)


def _add_scan(parser: Parser) -> None:
    parser.add_argument("--severity-table", choices=tuple(TABLES), help=_("rate findings with this severity table"))
    parser.add_argument(
        "--vex", type=Path, metavar=_("FILE"), help=_("also write the findings as CycloneDX VEX to this file")
    )
    parser.add_argument(
        "--sarif", type=Path, metavar=_("FILE"), help=_("also write the findings as SARIF 2.1.0 to this file")
    )
    parser.add_argument(
        "--ignore-until-fixed",
        action="store_true",
        help=_("do not fail for findings that no version fixes yet, except malware"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action; return CHECKS_FAILED if the status of a scan is FAIL."""
    updated = None
    if arguments.dry_run and arguments.action == UPDATE:
        return rehearsal.rehearse(arguments, lambda: foresee(arguments))
    if arguments.action == UPDATE:
        updated = api.update_advisories(
            arguments.file.absolute(), arguments.prefix, accept_clock=arguments.accept_clock, wait=arguments.wait
        )
    seen = _seen(arguments)
    if arguments.json:
        show_json(as_json(seen, updated, whole=arguments.action != SHOW))
    else:
        for line in lines(seen, updated, whole=arguments.action != SHOW):
            show(line)
    return CHECKS_FAILED if arguments.action != SHOW and seen.assessment.status == FAIL else DONE


def foresee(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield what an update would put in force."""
    planned = api.plan_advisories(arguments.file.absolute(), arguments.prefix, accept_clock=arguments.accept_clock)
    if planned.new:
        yield _("Would adopt {kind}, sequence {sequence}.").format(kind=planned.role, sequence=planned.sequence)
    else:
        yield _("Would change nothing: this file is in force.")
    yield from (_("warning: {text}").format(text=text) for text in planned.warnings)


def _seen(arguments: argparse.Namespace) -> InstalledScan:
    return api.scan_advisories(
        arguments.prefix,
        table=arguments.severity_table,
        until_fixed=arguments.ignore_until_fixed,
        vex=arguments.vex,
        sarif=arguments.sarif,
    )


def as_json(seen: InstalledScan, updated: Update | None, *, whole: bool) -> dict[str, Any]:
    """Return the advisories in force as JSON values, with the update if there was one, and the scan if ``whole``."""
    value: dict[str, Any] = {"snapshot": {**facts_of(seen.snapshot), "updated": seen.updated}}
    if updated is not None:
        value["update"] = {**vars(updated), "warnings": list(updated.warnings)}
    if whole:
        value["scan"] = seen.assessment.to_json()
    return value


def lines(seen: InstalledScan, updated: Update | None, *, whole: bool) -> Iterator[str]:
    """Yield the advisories in force, the update and the scan as human-readable lines."""
    header, found = seen.snapshot.header, seen.assessment
    if updated is not None and updated.new:
        yield _("In force now: {kind}, sequence {sequence}").format(kind=updated.role, sequence=updated.sequence)
        yield _("Audit log head: {head}").format(head=updated.audit_head)
    elif updated is not None:
        yield _("Already up to date: this file is in force.")
    if updated is not None:
        yield from (_("warning: {text}").format(text=text) for text in updated.warnings)
    yield _("Advisories: {count}, as of {time}, sequence {sequence}").format(
        count=header.counts["live"], time=f"{header.known_until:%Y-%m-%d}", sequence=header.sequence
    )
    yield _("SHA-256: {digest}").format(digest=seen.snapshot.sha256)
    yield _("Source:     {source} ({licence})").format(source=header.source, licence=header.licence)
    yield from words.exploit_lines(seen.snapshot.exploits)
    yield from set_aside_lines(header)
    if found.age != FRESH:
        yield plural(
            "They are {days} day old; supply newer ones.", "They are {days} days old; supply newer ones.", found.days
        ).format(days=found.days)
    if whole:
        yield from scan_lines(seen)


def scan_lines(seen: InstalledScan) -> Iterator[str]:
    """Yield the findings, most urgent first, then the excepted and the undecided ones."""
    found = seen.assessment
    yield _("{status}: {vulnerabilities} in {packages}").format(
        status=found.status,
        vulnerabilities=counted.vulnerabilities(len(found.findings)),
        packages=counted.packages(found.packages),
    )
    compared = [one for one in found.components if not one.unjudged]
    if compared:
        parts = (f"{part_name(one.where)} ({counted.packages(len(one.packages))})" for one in compared)
        yield "  " + _("Also compared: {components}").format(components=", ".join(parts))
    for finding in found.findings:
        fixed, marks = words.fixed_of(finding), words.marks_of(finding)
        yield f"  {finding.severity:<8} {named(finding)}  {', '.join(finding.ids[:3])}  {fixed}  {marks}".rstrip()
        if finding.gone is not None:
            yield f"           {finding.gone.described()}"
        yield f"           {finding.summary}"
        yield f"           {finding.link}"
    yield from (f"  {line}" for line in words.summary_lines(found))
    yield from _exception_lines(found)
    for doubt in found.doubts:
        yield _("  undecided {package} {id}: {reason}").format(package=named(doubt), id=doubt.id, reason=doubt.reason)
    yield from (f"  {line}" for line in words.unjudged_lines(found))


def _exception_lines(found: Assessment) -> Iterator[str]:
    """Yield the excepted findings, and the exceptions that have no effect."""
    for finding, exemption in found.excepted:
        yield _("  excepted {package}  {id}: {statement} ({approver}, until {time})").format(
            package=named(finding),
            id=finding.id,
            statement=exemption.statement,
            approver=exemption.approver,
            time=f"{exemption.expires:%Y-%m-%d}",
        )
    for one, removal in found.removed:
        yield _("  removed {package} {version}  {id}: {statement} ({approver})").format(
            package=one.package,
            version=one.version or "",
            id=one.id,
            statement=removal.statement,
            approver=removal.approver,
        )
    if found.expired:
        names = (f"{one.id} {one.package} ({one.expires:%Y-%m-%d})" for _finding, one in found.expired)
        yield "  " + _("exceptions not in force, so their findings are counted: {names}").format(names=", ".join(names))
    yield from (f"  {line}" for line in words.futile_lines(found.futile))
    unused = words.unused_everywhere([found])
    if unused:
        yield f"  {words.unused_line(unused)}"
