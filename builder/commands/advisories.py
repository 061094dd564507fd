"""``advisories``: create, sign and show snapshots of known vulnerabilities, and manage exceptions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.advisories import documents, fetch, last, reasons
from builder.advisories.snapshot import Making, load_snapshot, make_snapshot, previous_of, write_snapshot
from builder.commands import exceptions
from builder.commands.common import add_keys, moment
from builder.fetch.credentials import redact
from builder.signing.user_keys import signer_of, signers_of
from bundle.advisories.assess import facts_of, set_aside_lines
from bundle.advisories.exceptions import read_exceptions
from bundle.advisories.reports import words
from bundle.advisories.signals import exploits
from bundle.advisories.snapshot import NAME, SNAPSHOT_LIMIT, read_snapshot
from shared.files import temp_folders
from shared.i18n import _
from shared.terminal import counted
from shared.terminal.columns import HelpFormatter
from shared.terminal.commandline import DONE
from shared.terminal.console import human_bytes, show, show_json
from shared.terminal.progress import make_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from bundle.advisories.snapshot import Snapshot


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    table = parser.add_subparsers(dest="action", metavar=_("ACTION"), required=True)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        return table.add_parser(name, help=text, description=text, formatter_class=HelpFormatter)

    fetched = action("fetch", _("create a snapshot from what OSV publishes now"))
    fetched.add_argument(
        "--url", default=fetch.ADDRESS, metavar=_("URL"), help=_("the URL of PyPI/all.zip on a mirror (default: OSV)")
    )
    _add_making(fetched)
    fetched.set_defaults(run=run_fetch)
    imported = action("import", _("create a snapshot from an export file"))
    imported.add_argument("file", type=Path, metavar=_("FILE"), help=_("an OSV export: PyPI/all.zip"))
    _add_making(imported)
    imported.set_defaults(run=run_import)
    signed = action("sign", _("sign a snapshot or an exceptions file"))
    signed.add_argument("file", type=Path, metavar=_("FILE"), help=_("a snapshot or an exceptions file"))
    signed.add_argument("--sign-key", type=Path, required=True, metavar=_("KEY"), help=_("a signing key"))
    exceptions.add_check(signed)
    signed.set_defaults(run=run_sign)
    shown = action("show", _("show the contents of a snapshot or an exceptions file"))
    shown.add_argument("file", type=Path, metavar=_("FILE"), help=_("a snapshot or an exceptions file"))
    shown.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    shown.set_defaults(run=run_show)
    exceptions.configure(action("except", _("add exceptions for findings to an exceptions file")))
    exceptions.configure_template(action("template", _("write the findings to an exceptions file to fill in")))


def _add_making(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--output",
        type=Path,
        default=Path(NAME),
        metavar=_("FILE"),
        help=_("the snapshot file to write (default: advisories.zip)"),
    )
    add(
        "--former",
        type=Path,
        metavar=_("FILE"),
        help=_("the previous snapshot (default: the one that --output replaces)"),
    )
    add("--sequence", type=int, metavar="N", help=_("the sequence number (default: the current Unix time)"))
    add(
        "--accept-drop",
        action="store_true",
        help=_("continue even if more than 5%% of the previous snapshot's advisories are missing"),
    )
    add(
        "--kev",
        type=Path,
        metavar=_("FILE"),
        help=_("CISA's catalogue of exploited vulnerabilities (known_exploited_vulnerabilities.json)"),
    )
    add("--epss", type=Path, metavar=_("FILE"), help=_("EPSS scores of FIRST (epss_scores-DATE.csv or .csv.gz)"))
    add_keys(parser, "--sign-key", _("a signing key; may be repeated"))
    add("--json", action="store_true", help=_("write the result as JSON"))
    add("--quiet", action="store_true", help=_("show only the result, not the progress"))


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fetch an export and create a snapshot from it."""
    with temp_folders.scratch() as folder:
        export = folder / "all.zip"
        fetch.fetch_export(arguments.url, export, make_progress(quiet=arguments.quiet))
        return _make(export, redact(arguments.url), arguments, (f"url:{redact(arguments.url)}",))


def run_import(arguments: argparse.Namespace) -> int:
    """Create a snapshot from a local export."""
    return _make(arguments.file, arguments.file.name, arguments)


def _make(export: Path, source: str, arguments: argparse.Namespace, origins: tuple[str, ...] = ()) -> int:
    """Create a snapshot; ``origins`` are what the last one is remembered by, besides the keys of its signers."""
    previous = load_snapshot(arguments.former) if arguments.former else previous_of(arguments.output)
    making = Making(source, moment(), arguments.sequence, arguments.accept_drop, kev=arguments.kev, epss=arguments.epss)
    signers = signers_of(arguments.sign_key)
    origins = (*origins, *(f"key:{signer.key.fingerprint}" for signer in signers))
    data = make_snapshot(export, making, previous)
    made, progress = read_snapshot(data), make_progress(quiet=arguments.quiet)
    lost = {
        warning
        for one in (*([previous] if previous else []), *last.remembered(origins))
        for warning in last.require_whole(one, made, accept_drop=arguments.accept_drop)
    }
    written = write_snapshot(arguments.output.absolute(), data, signers)
    forgotten = last.remember(origins, made)
    warnings = [*sorted(lost), *_lost(made, previous), *([forgotten] if forgotten else [])]
    for warning in warnings:
        progress.warn(warning)
    facts = facts_of(made)
    if arguments.json:
        show_json({**facts, "bytes": len(data), "files": [str(path) for path in written], "warnings": warnings})
        return DONE
    for path in written:
        show(_("Written: {path}").format(path=path))
    _show_facts(made)
    return DONE


def _lost(made: Snapshot, previous: Snapshot | None) -> Iterator[str]:
    """Yield a sentence about each catalogue of exploitation that the previous snapshot had and this one has not."""
    before = previous.header.members if previous else []
    for name, option in ((exploits.KEV, "--kev"), (exploits.EPSS, "--epss")):
        if name in before and name not in made.header.members:
            yield _("The previous snapshot had {name}, this one does not: specify {option} FILE.").format(
                name=name, option=option
            )


def _show_facts(snapshot: Snapshot) -> None:
    facts, counts, size = facts_of(snapshot), snapshot.header.counts, len(snapshot.data)
    show(
        _(
            "Advisories: {live} live, {withdrawn} withdrawn, {undecided} undecided, {set_aside} set aside, "
            "for {packages}"
        ).format(
            **{name: counts.get(name, 0) for name in ("live", "withdrawn", "undecided", "set_aside")},
            packages=counted.packages(counts.get("packages", 0)),
        )
    )
    show(
        _("As of: {time}   sequence: {sequence}   size: {size}").format(
            time=facts["known_until"], sequence=facts["sequence"], size=human_bytes(size)
        )
    )
    for line in words.exploit_lines(snapshot.exploits):
        show(line)
    show(_("SHA-256: {digest}").format(digest=facts["sha256"]))
    for line in set_aside_lines(snapshot.header):
        show(line)


def run_sign(arguments: argparse.Namespace) -> int:
    """Sign a snapshot or an exceptions file."""
    signature = documents.sign_file(arguments.file.absolute(), signer_of(arguments.sign_key))
    for line in exceptions.remarks(arguments.file, arguments.advisories):
        show(line)
    show(_("Signature: {path}").format(path=signature))
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    """Show the contents of a snapshot or an exceptions file."""
    data = documents.read_file(arguments.file, SNAPSHOT_LIMIT)
    if not data.startswith(b"PK"):
        found = read_exceptions(data)
        if arguments.json:
            show_json(found.to_json())
            return DONE
        for line in reasons.lines(found):
            show(line)
        return DONE
    snapshot = read_snapshot(data)
    facts = facts_of(snapshot)
    if arguments.json:
        show_json(facts)
    else:
        _show_facts(snapshot)
    return DONE
