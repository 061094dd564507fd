"""``advisories``: print the advisories in force, scan the installed packages, or adopt newer advisories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from bundle.advisories.assess import FRESH, facts_of, set_aside_lines
from bundle.advisories.matcher import named, part_name
from bundle.advisories.severity import FAIL, TABLES
from shared.i18n import _, plural
from shared.terminal import counted
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show, show_json
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

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
        _add_scan(updated)


def _add_scan(parser: Parser) -> None:
    parser.add_argument("--severity-table", choices=tuple(TABLES), help=_("rate findings with this severity table"))
    parser.add_argument(
        "--vex", type=Path, metavar=_("FILE"), help=_("also write the findings as CycloneDX VEX to this file")
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action; return CHECKS_FAILED if the status of a scan is FAIL."""
    updated = None
    if arguments.action == UPDATE:
        updated = api.update_advisories(
            arguments.file.absolute(), arguments.prefix, accept_clock=arguments.accept_clock, wait=arguments.wait
        )
    seen = api.scan_advisories(arguments.prefix, table=arguments.severity_table, vex=arguments.vex)
    if arguments.json:
        show_json(as_json(seen, updated, whole=arguments.action != SHOW))
    else:
        for line in lines(seen, updated, whole=arguments.action != SHOW):
            show(line)
    return CHECKS_FAILED if arguments.action != SHOW and seen.assessment.status == FAIL else DONE


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
    yield from set_aside_lines(header)
    if found.age != FRESH:
        yield plural(
            "They are {days} day old; supply newer ones.", "They are {days} days old; supply newer ones.", found.days
        ).format(days=found.days)
    if whole:
        yield from scan_lines(seen)


def scan_lines(seen: InstalledScan) -> Iterator[str]:
    """Yield the findings, most severe first, then the excepted and the undecided ones."""
    found = seen.assessment
    yield _("{status}: {vulnerabilities} in {packages}").format(
        status=found.status,
        vulnerabilities=counted.vulnerabilities(len(found.findings)),
        packages=counted.packages(found.packages),
    )
    compared = [one for one in found.components if not one.unjudged]
    if compared:
        parts = (f"{part_name(one.where)} ({counted.packages(len(one.packages))})" for one in compared)
        yield "  " + _("Compared too: {components}").format(components=", ".join(parts))
    for finding in found.findings:
        fixed = _("no fix known")
        if finding.fixed:
            fixed = _("fixed in {versions}").format(versions=", ".join(finding.fixed))
        yield f"  {finding.severity:<8} {named(finding)}  {', '.join(finding.ids[:3])}  {fixed}"
        if finding.gone is not None:
            yield f"           {finding.gone.described()}"
        yield f"           {finding.summary}"
        yield f"           {finding.link}"
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
    for doubt in found.doubts:
        yield _("  undecided {package} {id}: {reason}").format(package=named(doubt), id=doubt.id, reason=doubt.reason)
    for component in found.components:
        if component.unjudged:
            yield "  " + _("Not judged: {component}: {reason}.").format(
                component=part_name(component.where), reason=component.unjudged
            )
