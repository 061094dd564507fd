"""Signed files: the installed files match the signed ones, regardless of the receipt and the installed RECORDs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from installer.release import signed
from shared.i18n import _
from shared.terminal import counted
from validator.check import ERROR, FULL, SECURITY, Check, CheckResult, some_of
from validator.checks.security.integrity import broken_chain, describe, evidence_of, judged_signers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class SignedFiles(Check):
    """Reads every file of the release, the stored wheels and their RECORDs, the signed manifest and its signatures."""

    id = "security.signed"
    category = SECURITY
    time_limit = 1800.0
    effort = FULL

    def title(self) -> str:
        return _("Signed files")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release, receipt = subject.need_release(), subject.need_receipt()
        # 1. from the manifest to the signature, and to the signers that this host trusts
        trouble = broken_chain(release, receipt)
        judged, untrusted = judged_signers(release, subject) if not trouble else ("", "")
        if trouble or untrusted:
            yield self.failed(trouble or untrusted, **subject.reinstall())
            return
        if not receipt.locked:
            yield self.warned(
                _("packages were changed after the release was signed; no signature covers the current combination"),
                **subject.reinstall(),
            )
            return
        # 2. from every file to the wheel or the manifest
        found = signed.compare(subject.need_installation(), subject.digests)
        if found.deviations:
            details = _("not as signed (compared with the manifest and the wheels): {files}")
            yield self.failed(
                details.format(files=describe(list(found.deviations))),
                evidence=evidence_of(list(found.deviations)),
                **subject.reinstall(),
            )
        if found.uncompared:
            names = [f"{name} ({reason})" for name, reason in sorted(found.uncompared.items())]
            details = _("could not be compared with the signed wheels: {names}").format(names=some_of(names))
            evidence = {"uncompared": sorted(found.uncompared)}
            yield replace(self.failed(details, evidence=evidence, **subject.reinstall()), status=ERROR)
        if not found.deviations and not found.uncompared:
            details = _(
                "as signed (compared with the manifest and the wheels): {same}; created on this host (compared "
                "only with the receipt): {made}; {signers}"
            )
            same, made = counted.files(found.same), counted.files(found.made)
            yield self.passed(details.format(same=same, made=made, signers=judged))
