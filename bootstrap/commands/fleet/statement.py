"""``statement``: what this installation says of itself to a centre, signed with a key of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from fleet.enrolled import line_for
from fleet.statement import SIGNATURE
from shared.files import outputs
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_json
from shared.terminal.parser import actions
from validator.check import EFFORTS, QUICK

if TYPE_CHECKING:
    import argparse

    from installer.logs.statements import Issued
    from shared.terminal.parser import Parser

KEY, RECEIPT, REPORT = "key", "receipt", "report"
MODE = 0o644  # it is for others to read, and has nothing that is secret


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    with actions(parser) as action:
        key = action(KEY, _("show the public key of this installation, to be enrolled in the centre"))
        key.add_argument("--renew", action="store_true", help=_("make a new key, for example on a copy of a host"))
        receipt = action(RECEIPT, _("state what is installed, and from what"))
        report = action(REPORT, _("validate, and state what was found"))
        for each in (receipt, report):
            _add_output(each)
        report.add_argument(
            "--report", type=Path, metavar=_("FILE"), help=_("state this report of validate, without validating now")
        )
        report.add_argument(
            "--effort",
            choices=EFFORTS,
            default=QUICK,
            help=_("which checks to run, as validate does (default: quick)"),
        )
        for each in (key, receipt, report):
            each.add_argument(
                "--host-key",
                type=Path,
                metavar=_("FILE"),
                help=_("sign with this SSH host key, which root can read, in place of the installation's own key"),
            )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        type=Path,
        metavar=_("FILE"),
        help=_("write the statement to this file and its signature to FILE.sig; for a folder, under a name of its own"),
    )
    parser.add_argument(
        "--nonce", default="", metavar=_("TEXT"), help=_("include this text, by which the centre knows its request")
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    if arguments.action == KEY:
        return show_key(arguments)
    if arguments.action == RECEIPT:
        issued = api.state_receipt(arguments.prefix, nonce=arguments.nonce, host_key=arguments.host_key)
    else:
        issued = api.state_report(
            arguments.prefix,
            report=api.read_report(arguments.report) if arguments.report else None,
            effort=arguments.effort,
            nonce=arguments.nonce,
            host_key=arguments.host_key,
            progress=common.progress_of(arguments),
        )
    return hand_over(arguments, issued)


def show_key(arguments: argparse.Namespace) -> int:
    """Print the public key, and the line that enrolls it."""
    found = api.statement_key(arguments.prefix, host_key=arguments.host_key, renew=arguments.renew)
    line = line_for(found.asset, found.key)
    if arguments.json:
        show_json(
            {
                "asset": found.asset,
                "identity": found.identity.to_json(),
                "prefix": str(found.prefix),
                "keyid": found.key.keyid,
                "fingerprint": found.key.fingerprint,
                "public_key": found.key.line(),
                "allowed_signers": line,
                "made": found.made,
            }
        )
        return DONE
    show(_("Asset:       {name}").format(name=found.asset))
    show(_("Fingerprint: {fingerprint}").format(fingerprint=found.key.fingerprint))
    show(line)
    return DONE


def hand_over(arguments: argparse.Namespace, issued: Issued) -> int:
    """Write the statement and its signature, or print both as JSON."""
    origin = issued.statement.origin
    facts: dict[str, Any] = {
        "kind": issued.statement.kind,
        "name": issued.name,
        "asset": origin.asset,
        "keyid": origin.keyid,
        "sequence": origin.sequence,
    }
    if arguments.output is None:
        show_json({**facts, "statement": issued.data.decode(), "signature": issued.signature.decode()})
        return DONE
    path = arguments.output / issued.name if arguments.output.is_dir() else arguments.output
    # the signature first: a reader that finds the statement finds its signature too
    outputs.write(f"{path}{SIGNATURE}", issued.signature, mode=MODE)
    outputs.write(path, issued.data, mode=MODE)
    if arguments.json:
        show_json({**facts, "path": str(path)})
        return DONE
    show(
        _("Statement: {path}, number {sequence} of {asset}").format(
            path=path, sequence=origin.sequence, asset=origin.asset
        )
    )
    return DONE
