"""Whether a release is intact: its receipt is the one that it was sealed with, and its files match that receipt.

This alone decides what ``install`` leaves as it is, what a rollback and a recovery activate, and what a repair reuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle import digest
from installer.logs import audit_log
from installer.release import receipt as receipts
from installer.release.digests import Digests
from shared import reading, troubles
from shared.errors import RagtraceError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.receipt import Receipt

NAMES_SHOWN = 3


def confirmed(prefix: Prefix, release: Release, sealed: str | None = None) -> tuple[Receipt | None, str]:
    """Return the receipt that a release was sealed with and '', or None and the reason.

    1. Its digest is ``sealed``, by default the one in the mark.
    2. It belongs to this release.
    3. The audit log has no other receipt for the release: a user with write permission can replace a receipt and its
       mark together, but cannot change a line of the log without the lines that follow it.
    """
    try:
        receipt = receipts.read_receipt(release, sealed)
        reason = misattributed(receipt, release) or _contradicted(prefix, release)
    except RagtraceError as error:
        return None, error.what.rstrip(".")
    except OSError as error:
        return None, troubles.described(error)
    return (None, reason) if reason else (receipt, "")


def misattributed(receipt: Receipt, release: Release) -> str:
    """Return that a receipt belongs to another release, or '' if it does not."""
    if receipt.release == release.id and release.has_digest(receipt.manifest_sha256):
        return ""
    return _("the receipt belongs to another release ({name})").format(name=receipt.release)


def _contradicted(prefix: Prefix, release: Release) -> str:
    """Return that the audit log last recorded another receipt for a release, or '' if it did not."""
    logged = audit_log.receipt_of(prefix, release.id)
    if logged is None or logged == digest.sha256_bytes(reading.read(release.receipt_file, receipts.LIMIT)):
        return ""
    return _("the audit log has a different receipt for {release}").format(release=release.id)


def damage(
    prefix: Prefix, release: Release, digests: Digests | None = None, *, manifest_sha256: str | None = None
) -> str:
    """Return how a release differs from the receipt that it was sealed with, or why it has none, or '' if it is intact.

    With ``manifest_sha256``, it must also have been built from that manifest, with the signed set of packages.
    """
    receipt, reason = confirmed(prefix, release)
    if receipt is None:
        return reason
    if manifest_sha256 not in (None, receipt.manifest_sha256):
        return _("the receipt belongs to another release ({name})").format(name=receipt.release)
    if manifest_sha256 is not None and not receipt.locked:
        return _("this set of packages is not signed")
    try:
        deviations = receipts.compare(release, receipt, digests or Digests())
    except OSError as error:
        return troubles.described(error)
    return missing_or_damaged([deviation.path for deviation in deviations])


def missing_or_damaged(paths: Sequence[str]) -> str:
    """Return the first few of some damaged paths as a clause, or '' if there are none."""
    if not paths:
        return ""
    more = f" (+{len(paths) - NAMES_SHOWN})" if len(paths) > NAMES_SHOWN else ""
    return _("missing or damaged: {names}").format(names=", ".join(paths[:NAMES_SHOWN]) + more)
