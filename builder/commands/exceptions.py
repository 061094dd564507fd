"""``advisories except`` and ``advisories template``: exceptions for findings, one by one or from a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.advisories import documents, entries, reasons
from builder.advisories.gate import GateRequest, Knowledge, read_knowledge
from builder.advisories.snapshot import load_snapshot
from builder.commands.common import (
    add_choice,
    add_package,
    add_project,
    add_targets,
    lockfile_from,
    moment,
    named_targets,
    parts_of,
    python_of,
)
from builder.lock.lock import read_lock
from builder.lock.targets import require_whole, survey
from builder.lockfiles.uv_lock import UvLock
from builder.product.identity import has_table
from builder.project.project import read_project
from builder.request.verification import foresee
from bundle.advisories import futile
from bundle.advisories.exceptions import EXCEPTIONS_LIMIT, JUSTIFICATIONS, LONGEST, Exceptions, read_exceptions
from bundle.advisories.reports import words
from bundle.advisories.severity import GATES
from bundle.advisories.snapshot import SNAPSHOT_LIMIT
from shared.errors import UsageError
from shared.files import outputs
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from datetime import datetime

    from bundle.advisories.matcher import Finding

DAYS = 90
# options that describe the findings named on the command line; with --from, the file has them for each finding
WORDS = ("id", "package", "versions", "justification", "statement", "approver")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``except``."""
    add = parser.add_argument
    add("file", type=Path, metavar=_("FILE"), help=_("the exceptions file, created if it does not exist"))
    add(
        "--from",
        dest="entries",
        type=Path,
        metavar=_("ENTRIES"),
        help=_("a TOML or JSON file with many entries (see `advisories template`)"),
    )
    add("--id", action="append", metavar="ID", help=_("an identifier of the advisory; may be repeated"))
    add("--package", metavar=_("NAME"), help=_("the affected package"))
    add("--versions", metavar=_("VERSIONS"), help=_("the affected versions of the package, for example ==1.2.3"))
    add("--justification", choices=JUSTIFICATIONS, help=_("why the vulnerability has no impact here (OpenVEX)"))
    add("--statement", metavar=_("TEXT"), help=_("the justification, in your own words"))
    add("--approver", metavar=_("NAME"), help=_("who approves it"))
    add(
        "--days",
        type=int,
        metavar=_("DAYS"),
        help=_("days until the exception expires, at most {days} (default: 90)").format(days=LONGEST.days),
    )
    reasons_for = parser.add_mutually_exclusive_group()
    reasons_for.add_argument(
        "--removed",
        type=Path,
        metavar=_("SNAPSHOT"),
        help=_(
            "instead, let hosts drop advisories (--id) that this snapshot no longer has (by default without an "
            "expiry date)"
        ),
    )
    reasons_for.add_argument(
        "--snapshot",
        type=Path,
        metavar=_("SNAPSHOT"),
        help=_("instead, let hosts accept this snapshot even if it lacks advisories of earlier ones"),
    )
    add_check(parser)
    parser.set_defaults(run=run_except)


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add the option of what exceptions are compared with when they are written or signed."""
    parser.add_argument(
        "--advisories", type=Path, metavar=_("FILE"), help=_("a snapshot: name exceptions that match nothing in it")
    )


def remarks(path: Path, advisories: Path | None) -> list[str]:
    """Return a sentence about each exception in a file that cannot do what it should; none for a snapshot.

    Without ``advisories`` only those for every version can be found.
    """
    data = documents.read_file(path, SNAPSHOT_LIMIT)
    if documents.role_of(data) != documents.EXCEPTIONS_ROLE:
        return []
    snapshot = None if advisories is None else load_snapshot(advisories)
    return list(words.futile_lines(tuple(futile.futile(read_exceptions(data).exceptions, snapshot))))


def configure_template(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``template``."""
    add = parser.add_argument
    add("--advisories", type=Path, required=True, metavar=_("FILE"), help=_("a snapshot of known vulnerabilities"))
    add_project(parser)
    add_package(parser)
    add_targets(parser)
    add_choice(parser)
    add("--exceptions", type=Path, metavar=_("FILE"), help=_("omit findings that these exceptions already cover"))
    add(
        "--fail-on",
        choices=[level for level in GATES if level != "never"],
        default="any",
        help=_("include only findings that fail a build at this level (default: all)"),
    )
    add("--output", type=Path, metavar=_("FILE"), help=_("the output file (default: the screen)"))
    parser.set_defaults(run=run_template)


def run_except(arguments: argparse.Namespace) -> int:
    """Add all specified exceptions or reasons to a file, or none."""
    now = moment()
    sequence = int(now.timestamp())
    if arguments.removed or arguments.snapshot:
        added = _reasons(arguments, now, sequence)
    else:
        named = entries.read_entries(arguments.entries) if arguments.entries else list(_entries(arguments, now))
        if arguments.entries and any(getattr(arguments, word) is not None for word in (*WORDS, "days")):
            raise UsageError(
                _("--from cannot be combined with other options: its file has all values."),
                advice=_("Set the values in {path}.").format(path=arguments.entries),
            )
        added = Exceptions(sequence, entries.exemptions_of(named, now))
    changed = documents.add_exceptions(arguments.file.absolute(), added)
    show(_("Written: {path}").format(path=arguments.file))
    for line in remarks(arguments.file, arguments.advisories):
        show(line)
    for line in reasons.lines(changed) if changed.removals or changed.snapshots else [_count(changed)]:
        show(line)
    show(_("Sign it now with `advisories sign {path} --sign-key KEY`.").format(path=arguments.file))
    return DONE


def _count(changed: Exceptions) -> str:
    return _("Exceptions: {count}   sequence: {sequence}").format(
        count=len(changed.exceptions), sequence=changed.sequence
    )


def _reasons(arguments: argparse.Namespace, now: datetime, sequence: int) -> Exceptions:
    """Return the reason that accepts a snapshot, or those for advisories that it no longer has.

    Raises UsageError if a required option is missing or another one is superfluous.
    """
    needed = ("statement", "approver", *(("id", "package") if arguments.removed else ()))
    missing = [f"--{word}" for word in needed if getattr(arguments, word) is None]
    if missing:
        raise UsageError(
            _("A reason also requires {options}.").format(options=", ".join(missing)),
            advice=_("Specify them on the command line; --package '*' means every package."),
        )
    names = {**dict.fromkeys(WORDS, ""), "entries": ""}
    above = [word for word in names if word not in needed and getattr(arguments, word) is not None]
    if above:
        options = ", ".join(f"--{'from' if word == 'entries' else word}" for word in above)
        raise UsageError(
            _("A reason cannot be combined with {options}.").format(options=options), advice=_("Omit these options.")
        )
    if arguments.removed:
        snapshot = load_snapshot(arguments.removed)
        said = reasons.said_by(arguments.statement, arguments.approver, now, arguments.days)
        removed = reasons.removals(arguments.id, arguments.package, snapshot, said)
        return Exceptions(sequence, (), removed)
    days = DAYS if arguments.days is None else arguments.days
    said = reasons.said_by(arguments.statement, arguments.approver, now, days)
    return Exceptions(sequence, (), (), (reasons.acceptance(load_snapshot(arguments.snapshot), said),))


def _entries(arguments: argparse.Namespace, now: datetime) -> Iterator[tuple[str, Any]]:
    """Yield an entry for each identifier on the command line. Raises UsageError if a required option is missing."""
    missing = [f"--{word}" for word in WORDS if getattr(arguments, word) is None]
    if missing:
        raise UsageError(
            _("An exception also requires {options}.").format(options=", ".join(missing)),
            advice=_(
                "Specify them on the command line; for many, create a file with `advisories template` and pass it "
                "with --from."
            ),
        )
    days = DAYS if arguments.days is None else arguments.days
    # more than LONGEST is refused anyway, and a very large number would overflow a date
    until = now + timedelta(days=max(0, min(days, LONGEST.days + 1)))
    for identifier in arguments.id:
        said = {word: getattr(arguments, word) for word in WORDS}
        yield "--id", {**said, "id": identifier, "until": until}


def run_template(arguments: argparse.Namespace) -> int:
    """Write the findings for a project's lockfile as entries for the user to fill in."""
    lockfile = lockfile_from(arguments)
    versions, root = python_of(arguments, lockfile).versions, lockfile.project
    project = read_project(root) if has_table(root) or isinstance(lockfile, UvLock) else None
    knowledge = _knowledge(arguments)
    lock = read_lock(lockfile, parts_of(arguments, versions))
    standings = survey(lock, named_targets(arguments, versions), build=not arguments.no_build)
    require_whole(standings)
    found: dict[tuple[str, str, str], Finding] = {}
    for foresight in foresee(knowledge, standings):
        found |= {(one.package, one.version, one.id): one for one in foresight.failing}
    title = _("Findings for {project} according to {path}, with advisories as of").format(
        project=f"{project.name} {project.version}".rstrip() if project else lockfile.path.name,
        path=arguments.advisories.name,
    )
    text = entries.template_text(list(found.values()), title, knowledge.snapshot.header.known_until)
    if arguments.output is None:
        show_lines(text.rstrip("\n"))
    else:
        outputs.write(arguments.output, text.encode(), mode=0o644)
        show(_("Written: {path}").format(path=arguments.output))
    return DONE


def _knowledge(arguments: argparse.Namespace) -> Knowledge:
    """Return the snapshot and exceptions to check against; exceptions need no signature here, only in a build."""
    knowledge = read_knowledge(GateRequest(arguments.advisories, fail_on=arguments.fail_on), None)
    if arguments.exceptions is None:
        return knowledge
    given = read_exceptions(documents.read_file(arguments.exceptions, EXCEPTIONS_LIMIT))
    return Knowledge(knowledge.request, knowledge.snapshot, given)
