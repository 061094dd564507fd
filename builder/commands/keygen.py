"""``keygen``: create a signing key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.signing.sign import generate_key, require_new
from builder.signing.user_keys import PASSPHRASE, default_key, passphrase
from shared.errors import UsageError
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import show

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "key",
        nargs="?",
        type=Path,
        metavar=_("FILE"),
        help=_("the private key to create; FILE.pub is created next to it (default: the one that build uses)"),
    )
    parser.add_argument("--no-passphrase", action="store_true", help=_("do not encrypt the key"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Create an Ed25519 signing key, encrypted unless --no-passphrase is given."""
    secret = None
    if arguments.key is None:
        arguments.key = default_key()
        arguments.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_new(arguments.key)  # before asking for a passphrase in vain
    if not arguments.no_passphrase:
        secret = passphrase(arguments.key, new=True)
        if not secret:
            raise UsageError(
                _("No passphrase was given for {path}.").format(path=arguments.key),
                advice=_("Enter one, set {variable}, or use --no-passphrase.").format(variable=PASSPHRASE),
            )
    key = generate_key(arguments.key, secret)
    show(_("Private key: {path} (store it where only the people who sign can read it)").format(path=arguments.key))
    show(_("Public key:  {path}.pub").format(path=arguments.key))
    show(_("Fingerprint: {fingerprint}").format(fingerprint=key.fingerprint))
    return DONE
