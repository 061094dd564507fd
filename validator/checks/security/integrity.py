"""Integrity: the release matches its receipt, and its manifest is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundle.manifest import NAME as MANIFEST
from bundle.signing.policy import RELEASE, judge
from installer.layout.proofs import read_metadata
from installer.release import receipt as receipts
from installer.release.sealing import intact
from installer.trust.authority import prefix_policy
from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _, joined, plural
from validator.check import BUNDLE, NORMAL, SECURITY, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.layout.release import Release
    from installer.release.receipt import Deviation, Receipt
    from validator.subject import Subject


class Integrity(Check):
    """Reads every file of the release, its receipt, and the manifest, checksums and signatures stored in it."""

    id = "security.integrity"
    category = SECURITY
    time_limit = 900.0
    effort = NORMAL

    def title(self) -> str:
        return _("Integrity")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release = subject.need_release()
        if subject.receipt is None:
            yield self.failed(subject.problems["receipt"], evidence={"origin": "receipt"}, **subject.reinstall())
            return
        # 1. its origin, 2. every file
        trouble = broken_chain(release, subject.receipt)
        if trouble:
            yield self.failed(trouble, evidence={"origin": "chain"}, **subject.reinstall())
            return
        deviations = receipts.compare(release, subject.receipt, subject.digests)
        if deviations:
            yield self.failed(describe(deviations), evidence=evidence_of(deviations), **subject.reinstall())
        elif untrusted := judged_signers(release, subject)[1]:
            yield self.warned(
                _("the files are unchanged, but this host's policy no longer accepts their signers: {reason}").format(
                    reason=untrusted
                ),
                suggestion=_("Install a release that the policy accepts, or update the policy if a signer is missing."),
                remedy=BUNDLE,
                evidence={"untrusted": list(subject.receipt.signers)},
            )
        elif not subject.receipt.locked:
            yield self.warned(
                _("packages were changed after the release was signed; no signature covers the current combination"),
                **subject.reinstall(),
            )
        else:
            details = plural(
                "{count} file is unchanged since the installation (compared with the receipt); the manifest "
                "is signed by {signers}",
                "{count} files are unchanged since the installation (compared with the receipt); the "
                "manifest is signed by {signers}",
                len(subject.receipt.items),
            ).format(count=len(subject.receipt.items), signers=", ".join(subject.receipt.signers))
            yield self.passed(details)


def broken_chain(release: Release, receipt: Receipt) -> str | None:
    """Return a description of where the chain from receipt to signature breaks, or None.

    1. The receipt belongs to this release, and the release is named after the receipt's manifest.
    2. The manifest has the digest that the receipt and SHA256SUMS record.
    3. Every signature of SHA256SUMS is valid, and the signers are those in the receipt.
    """
    elsewhere = intact.misattributed(receipt, release)
    if elsewhere:
        return elsewhere
    try:
        metadata = read_metadata(release.bundle)
        if metadata.manifest_sha256 != receipt.manifest_sha256 or not metadata.names_its_manifest:
            return _("{path} differs from the signed file").format(path=release.bundle / MANIFEST)
        signers = {key.fingerprint for key in metadata.claimed_signers()}
    except RagtraceError as error:
        return error.what
    except OSError as error:
        return troubles.described(error)
    if not signers or signers != set(receipt.signers):
        names = ", ".join(sorted(signers)) or _("no key")
        return _("signed by {names}, but the receipt has other signers").format(names=names)
    return None


def judged_signers(release: Release, subject: Subject) -> tuple[str, str]:
    """Return a description of the signers and "", or "" and why the policy of host or prefix rejects them."""
    keys = read_metadata(release.bundle).claimed_signers()
    names = ", ".join(sorted(key.fingerprint for key in keys))
    try:
        policy = subject.policy()
        if policy is None:
            return _("signed by {signers} (this host has no trust policy)").format(signers=names), ""
        # a key that has expired since then does not invalidate its signatures
        judge(policy, RELEASE, keys, None)
        tightened = prefix_policy(subject.need_prefix().trust)
        if tightened is not None:
            judge(tightened, RELEASE, keys, None)
    except RagtraceError as error:
        return "", error.what
    return _("signed by {signers}, accepted by this host's policy").format(signers=names), ""


def describe(deviations: list[Deviation]) -> str:
    """Return a sentence that names the first few files of each kind and their owners."""
    words = {
        receipts.MISSING: _("missing: {names}"),
        receipts.ALTERED: _("altered: {names}"),
        receipts.ADDED: _("added: {names}"),
    }
    parts = []
    for kind, text in words.items():
        # files that belong to no package are owned by an area, whose name is in parentheses
        names = [
            f"{deviation.path} ({deviation.owner.strip('()')})" for deviation in deviations if deviation.kind == kind
        ]
        if names:
            parts.append(text.format(names=some_of(names)))
    return joined("; ", parts)


def evidence_of(deviations: list[Deviation]) -> dict[str, Any]:
    """Return the owners of the deviations, and each deviation as [path, kind, owner]."""
    return {
        "owners": sorted({deviation.owner for deviation in deviations}),
        "deviations": [[deviation.path, deviation.kind, deviation.owner] for deviation in deviations],
    }
