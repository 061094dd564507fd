"""``inspect``: show the contents and the signers of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.assemble.attested import Checked, check_again
from builder.assemble.inspect import Signatures, claimed_signers, signatures_of
from builder.commands.common import add_keys, add_terms, terms_of
from builder.signing.sign import read_public_key
from builder.wheels.attesting.attestation_record import VERIFIED
from builder.wheels.attesting.attestation_trust import named
from bundle.description import describe, lines
from bundle.opening import open_bundle
from bundle.signing.policy import pins
from shared.errors import UsageError
from shared.i18n import _, plural
from shared.terminal.commandline import DONE
from shared.terminal.console import human_bytes, show, show_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("bundle", type=Path, metavar=_("BUNDLE"), help=_("the bundle folder"))
    add_keys(
        parser,
        "--trust-key",
        _("require a signature by this public key (a .pub file); may be repeated, and then all are required"),
    )
    parser.add_argument(
        "--attestations",
        action="store_true",
        help=_("verify again, offline, the attestations in the bundle; this reads the whole bundle"),
    )
    add_terms(parser, _("the one in the bundle"))
    parser.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show information about a bundle; without --trust-key its signers are listed, but not checked for trust."""
    keys = [read_public_key(path) for path in arguments.trust_key]
    policy = pins(keys or claimed_signers(arguments.bundle))
    terms = terms_of(arguments)
    if not arguments.attestations and (terms.root or terms.publishers):
        raise UsageError(
            _("Nothing would be verified by this trust root or these publishers."), advice=_("Add --attestations.")
        )
    bundle = open_bundle(arguments.bundle, policy)
    facts = describe(bundle, judged=bool(keys))
    signatures = signatures_of(arguments.bundle, bundle.manifest)
    facts["signatures"] = signatures._asdict() if signatures else None
    checked = check_again(bundle, terms) if arguments.attestations else None
    if arguments.json:
        attested = {} if checked is None else {"attestations": [one.to_json() for one in checked]}
        show_json({**facts, **attested})
    else:
        for line in (*signature_lines(signatures), *lines(facts)):
            show(line)
        show(_("largest files:"))
        for entry in facts["largest"]:
            show(f"  {human_bytes(entry['bytes']):>10}  {entry['path']}")
        for line in attested_lines(checked or ()):
            show(line)
    return DONE


def signature_lines(signatures: Signatures | None) -> Iterator[str]:
    """Yield the number of signatures that the bundle has of those that its installer requires, and who may sign."""
    if signatures is None:
        return
    yield plural("{made} of {needed} signature", "{made} of {needed} signatures", signatures.needed).format(
        made=signatures.made, needed=signatures.needed
    )
    if signatures.made < signatures.needed:
        yield _("This bundle cannot be installed yet. Have it signed with another of these keys:")
        yield from (f"  {fingerprint}" for fingerprint in signatures.missing)


def attested_lines(checked: Sequence[Checked]) -> Iterator[str]:
    """Yield the wheels whose attestations were verified again, with their publishers, and the reasons of the others."""
    if not checked:
        return
    verified = sum(one.verdict == VERIFIED for one in checked)
    yield plural(
        "attestations: {verified} of {count} wheel verified again",
        "attestations: {verified} of {count} wheels verified again",
        len(checked),
    ).format(verified=verified, count=len(checked))
    for one in checked:
        by = ", ".join(sorted({named(publisher) for publisher in one.publishers}))
        yield f"  {one.wheel}  {by or one.reason or one.verdict}"
