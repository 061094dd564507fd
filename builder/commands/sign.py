"""``sign``: add a signature to a finished release without changing any signed byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.signing.release import add_signature, read_release
from builder.signing.slip import write_slip
from builder.signing.user_keys import signer_of
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_json

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("folder", type=Path, metavar=_("FOLDER"), help=_("the bundle folder"))
    parser.add_argument(
        "--sign-key",
        type=Path,
        required=True,
        metavar=_("KEY"),
        help=_("a private key, or the .pub file of a key in an agent or in hardware"),
    )
    parser.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Verify the release, sign it, and rewrite its trust slip."""
    signer = signer_of(arguments.sign_key)
    release = add_signature(read_release(arguments.folder.absolute()), signer)
    slip = write_slip(release)
    if arguments.json:
        fingerprints = [key.fingerprint for key in release.signers]
        show_json({"signers": fingerprints, "complete": release.is_complete, "slip": str(slip)})
        return DONE
    show(_("Signed by:  {fingerprint}").format(fingerprint=signer.key.fingerprint))
    show(_("Trust slip: {path} (and a page to print next to it)").format(path=slip))
    if not release.is_complete:
        show(_("The installer requires more signatures: the other signers must sign too."))
    return DONE
