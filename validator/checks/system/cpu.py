"""Processor: how many processors this process may use, and whether they have the features that the bundle requires."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from installer.install.requirements import INSTRUCTIONS, PROCESSOR_LEVEL
from shared.i18n import _, plural
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.install.host_results import HostResult
    from validator.subject import Subject


class Processor(Check):
    """Compares the processors and their features with the manifest, and reads how many the scheduler allows."""

    id = "system.cpu"
    category = SYSTEM

    def title(self) -> str:
        return _("Processor")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        total, usable = os.cpu_count() or 1, usable_processors()
        metric = {"usable": (float(usable), ""), "total": (float(total), "")}
        findings = list(asked(subject))
        for finding, evidence in findings:
            if not finding.fits:
                yield self.failed(finding.details, suggestion=finding.advice, evidence=evidence, metric=metric)
                return
        for finding, _evidence in findings:
            if finding.warns:
                raise UncheckedError(SKIP, finding.details)
        details = plural(
            "{usable} of {total} processor can be used", "{usable} of {total} processors can be used", total
        ).format(usable=usable, total=total)
        yield self.passed(details, metric=metric)


def asked(subject: Subject) -> Iterator[tuple[HostResult, dict[str, list[str]]]]:
    """Yield a finding for each processor requirement of the bundle, with the affected packages as evidence."""
    manifest = subject.manifest
    if manifest is not None:
        yield from ((finding, {}) for finding in PROCESSOR_LEVEL.here(manifest))
    if manifest is not None and INSTRUCTIONS.is_asked(manifest):
        found = INSTRUCTIONS.seen()
        yield INSTRUCTIONS.judge(manifest, found), {"packages": INSTRUCTIONS.lacking(manifest, found)}


def usable_processors() -> int:
    """Return the number of processors that the scheduler gives this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
