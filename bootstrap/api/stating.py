"""Functions for statements: the key of an installation, and what it says of itself with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.api.here import QUIET, settled
from bootstrap.api.inspecting import validate
from shared import reading, troubles
from shared.errors import HostError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.signing.signature import PublicKey
    from installer.logs.identity import Identity
    from installer.logs.statements import Issued, Speaker
    from shared.terminal.progress import Progress
    from validator.report import Report


@dataclass(frozen=True)
class StatementKey:
    """The public key of an installation, its identity, the name to enroll it for, and whether it was made just now."""

    prefix: Path
    identity: Identity
    asset: str
    key: PublicKey
    made: bool


def statement_key(prefix: Path | None = None, *, host_key: Path | None = None, renew: bool = False) -> StatementKey:
    """Return the key with which an installation signs statements, made now if it has none.

    ``host_key`` is the SSH host key to use in its place; ``renew`` replaces the installation's own key. Raises
    TrustError if the key was copied from another installation.
    """
    speaker, made = _speaker(prefix, host_key, renew=renew)
    return StatementKey(speaker.prefix.root, speaker.identity, speaker.asset, speaker.signer.key, made)


def _speaker(
    prefix: Path | None, host_key: Path | None, nonce: str = "", *, renew: bool = False
) -> tuple[Speaker, bool]:
    from installer.logs import audit_log, identity, statement_key, statements
    from shared.files.process_lock import locked

    found = settled(prefix)
    if identity.read(found) is None:  # installed by an installer that gave no identity
        with locked(found.state / "lock"):
            identity.settle(found)
    who = identity.identity_of(found)
    if host_key is not None:
        return statements.Speaker(found, who, statement_key.host_key(host_key), statements.require_nonce(nonce)), False
    own = statement_key.own_key(found, who, renew=renew)
    if own.made:
        audit_log.note(found, "statement-key", "done", key=own.signer.key.fingerprint, renewed=renew)
    return statements.Speaker(found, who, own.signer, statements.require_nonce(nonce)), own.made


def state_receipt(prefix: Path | None = None, *, nonce: str = "", host_key: Path | None = None) -> Issued:
    """Return a signed statement about the receipt of the active release. Raises HostError if none is active."""
    from bundle.digest import sha256_bytes
    from fleet.statement import SIGNERS_LIMIT, ReceiptFacts
    from installer.logs import statements
    from installer.release import receipt

    speaker, _made = _speaker(prefix, host_key, nonce)
    release = speaker.prefix.active()
    if release is None:
        raise HostError(_("No release is active."), advice=_("Install or recover the application first."))
    found = receipt.read_receipt(release)
    facts = ReceiptFacts(
        installed=statements.short(found.installed),
        interpreter_version=statements.short(found.interpreter_version),
        locked=found.locked,
        signers=found.signers[:SIGNERS_LIMIT],
    )
    return statements.issue(speaker, sha256_bytes(reading.read(release.receipt_file, receipt.LIMIT)), facts)


def state_report(
    prefix: Path | None = None,
    *,
    report: Report | None = None,
    effort: str = "quick",
    nonce: str = "",
    host_key: Path | None = None,
    progress: Progress = QUIET,
) -> Issued:
    """Return a signed statement about a report of this installation, by default of a validation now.

    Raises UsageError if the report is of another host or release.
    """
    from bundle.digest import sha256_bytes
    from installer.logs import statements
    from recovery.inspection import reported
    from validator.report import to_bytes
    from validator.stated import facts_of

    speaker, _made = _speaker(prefix, host_key, nonce)
    if report is None:
        report = validate(speaker.prefix.root, effort=effort, progress=progress)
    reported.require_fitting(report, speaker.prefix)
    return statements.issue(speaker, sha256_bytes(to_bytes(report)), facts_of(report))


def read_report(path: Path) -> Report:
    """Read a report that validate wrote. Raises UsageError if it cannot be read, TrustError if it is not a report."""
    from validator.report import LIMIT, parse_report

    data = troubles.read_given(path, LIMIT, _("Specify a report written by `validate --output`."))
    return parse_report(data, path.name)
