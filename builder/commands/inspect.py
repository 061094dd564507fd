"""``inspect``: show the contents and the signers of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.assemble.inspect import claimed_signers
from builder.commands.common import add_keys
from builder.signing.sign import read_public_key
from bundle.description import describe, lines
from bundle.opening import open_bundle
from bundle.signing.policy import pins
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import human_bytes, show, show_json

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("bundle", type=Path, metavar=_("BUNDLE"), help=_("the bundle folder"))
    add_keys(
        parser,
        "--trust-key",
        _("require a signature by this public key (a .pub file); may be repeated, and then all are required"),
    )
    parser.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show information about a bundle; without --trust-key its signers are listed, but not checked for trust."""
    keys = [read_public_key(path) for path in arguments.trust_key]
    policy = pins(keys or claimed_signers(arguments.bundle))
    facts = describe(open_bundle(arguments.bundle, policy), judged=bool(keys))
    if arguments.json:
        show_json(facts)
    else:
        for line in lines(facts):
            show(line)
        show(_("largest files:"))
        for entry in facts["largest"]:
            show(f"  {human_bytes(entry['bytes']):>10}  {entry['path']}")
    return DONE
