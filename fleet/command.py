"""``fleet``: the commands of the centre, the same in the installer and in the builder."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import enrolled, enrolling, memory
from fleet.collect import Request, collect, remember
from fleet.judging import Wanted
from fleet.render import as_csv, as_json, page, prometheus, text
from shared.errors import UsageError
from shared.files import outputs
from shared.i18n import _
from shared.terminal import exposition
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show, show_document, show_json, show_lines, visible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from fleet.table import Fleet

UNTRUSTED = 3  # the exit code of errors of trust (docs/operating.md)
CRITICAL, WARNING = "CRITICAL", "WARNING"
# extensions of --output and their formats
ENDINGS = {".json": "json", ".txt": "text", ".csv": "csv", ".html": "html", exposition.ENDING: "prometheus"}
WIDE = 160  # columns of a text file


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions to a command that has no others, and what runs them."""
    table = parser.add_subparsers(dest="action", metavar=_("ACTION"), required=True)
    for name, help_text, add, run in (
        ("report", _("show one table of the statements in a folder"), add_report, report),
        ("enroll", _("add keys of hosts to the file that statements are verified with"), add_enroll, enroll),
    ):
        action = table.add_parser(name, help=help_text, description=help_text)
        add(action)
        action.add_argument("--json", action="store_true", help=_("write the result as JSON"))
        action.set_defaults(run=run)


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``fleet report``."""
    add = parser.add_argument
    add("folder", type=Path, metavar=_("FOLDER"), help=_("the folder with the statements of hosts"))
    add(
        "--allowed-signers",
        type=Path,
        metavar=_("FILE"),
        help=_("the keys of your hosts, in OpenSSH's format; 'fleet enroll' adds to it"),
    )
    add("--unverified", action="store_true", help=_("accept statements by any key: they prove nothing"))
    add(
        "--memory",
        type=Path,
        metavar=_("FILE"),
        help=_("record sequence numbers in this file, and report statements that are older than recorded"),
    )
    add("--nonce", metavar=_("TEXT"), help=_("accept only statements that answer the request with this nonce"))
    add("--product", metavar=_("NAME"), help=_("accept only statements about this product"))
    add("--max-age", type=_days, metavar=_("DAYS"), help=_("report hosts that were not seen for more days than this"))
    add("--strict", action="store_true", help=_("exit with code 1 for WARNING and for hosts that are not seen too"))
    add(
        "--output",
        type=Path,
        metavar=_("FILE"),
        help=_("write the table to this file; its extension .html, .csv, .txt, .prom or .json selects the format"),
    )
    add("--format", choices=tuple(ENDINGS.values()), help=_("format of the table in the file, or on the screen"))


def add_enroll(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``fleet enroll``."""
    add = parser.add_argument
    add("keys", nargs="+", type=Path, metavar=_("FILE"), help=_("what 'statement key --json' printed on a host"))
    add(
        "--allowed-signers",
        type=Path,
        metavar=_("FILE"),
        help=_("the keys of your hosts, in OpenSSH's format; it is created if it is missing"),
    )
    add("--replace", action="store_true", help=_("remove the asset's earlier keys"))


def enroll(arguments: argparse.Namespace) -> int:
    """Add the keys of hosts, and print which are new."""
    if arguments.allowed_signers is None:
        raise UsageError(_("The file to enroll the keys in is not specified."), advice=_("Add --allowed-signers FILE."))
    offered = [enrolling.read_key(path) for path in arguments.keys]
    added = enrolling.enroll(arguments.allowed_signers, offered, replace=arguments.replace)
    if arguments.json:
        names = [{"asset": one.asset, "fingerprint": one.key.fingerprint} for one in added]
        show_json({"enrolled": names, "already": len(offered) - len(added)})
        return DONE
    for one in added:
        show(_("Enrolled {asset}: {fingerprint}").format(asset=one.asset, fingerprint=one.key.fingerprint))
    if len(added) < len(offered):
        show(_("Already enrolled: {count}").format(count=len(offered) - len(added)))
    return DONE


def _days(text: str) -> int:
    """Parse an age in days. Raises ArgumentTypeError."""
    import argparse

    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise argparse.ArgumentTypeError(_("{text!r} is not a non-negative whole number of days").format(text=text))
    return int(text)


def report(arguments: argparse.Namespace) -> int:
    """Print and write the table of all statements in a folder; the exit code says the worst of them."""
    request = _request(arguments)
    if arguments.output:
        outputs.require_writable(arguments.output)
    found, last = collect(arguments.folder, request)
    kind = _format_of(arguments)
    if not arguments.output or outputs.descriptor(arguments.output) != 1:
        if arguments.json:
            show_document("".join(as_json.render(found)).rstrip("\n"))
        else:
            width = shutil.get_terminal_size((80, 24)).columns
            shown = "text" if arguments.output else kind
            show = show_document if shown == "json" else show_lines
            show(rendered(found, shown, width))
    if arguments.output:
        mode = exposition.MODE if kind == "prometheus" else 0o600
        stream = io.BytesIO()
        stream.writelines(piece.encode() for piece in pieces(found, kind, WIDE))
        outputs.write(arguments.output, stream.getvalue(), mode=mode)
    if arguments.memory:
        remember(arguments.memory, last)
    return exit_code(found, strict=arguments.strict)


def exit_code(fleet: Fleet, *, strict: bool) -> int:
    """Return 3 if any statement does not count or is doubtful, 1 if a host needs action, else 0."""
    if fleet.refused:
        return UNTRUSTED
    bad = {CRITICAL, WARNING} if strict else {CRITICAL}
    unseen = strict and (fleet.absent or any(row.notes or row.status is None for row in fleet.rows))
    return CHECKS_FAILED if unseen or any(row.status in bad for row in fleet.rows) or not fleet.rows else DONE


def _request(arguments: argparse.Namespace) -> Request:
    if arguments.allowed_signers is None and not arguments.unverified:
        raise UsageError(
            _("The keys of your hosts are not specified, so that no statement can be verified."),
            advice=_("Add --allowed-signers FILE, or --unverified to see what the statements claim."),
        )
    if arguments.allowed_signers is not None and arguments.unverified:
        raise UsageError(
            _("--allowed-signers and --unverified cannot be combined."), advice=_("Remove one of the two options.")
        )
    keys = None if arguments.unverified else enrolled.read(arguments.allowed_signers)
    wanted = Wanted(arguments.nonce, arguments.product)
    return Request(
        keys, wanted, memory.read(arguments.memory) if arguments.memory else memory.Memory(), arguments.max_age
    )


def _format_of(arguments: argparse.Namespace) -> str:
    if arguments.format:
        return str(arguments.format)
    return ENDINGS.get(arguments.output.suffix.lower(), "json") if arguments.output else "text"


def pieces(fleet: Fleet, kind: str, width: int) -> Iterator[str]:
    """Yield a fleet in a format piece by piece, so that the whole is in memory only once."""
    if kind == "text":
        yield visible(text.render(fleet, width=width)) + "\n"
        return
    renderers = {"json": as_json.render, "csv": as_csv.render, "html": page.render, "prometheus": prometheus.render}
    yield from renderers[kind](fleet)


def rendered(fleet: Fleet, kind: str, width: int) -> str:
    """Return a fleet in a format, without the end of the last line."""
    return "".join(pieces(fleet, kind, width)).rstrip("\r\n")
