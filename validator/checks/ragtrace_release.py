"""Release: one complete release is active, and says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.i18n import _
from validator.check import APPLICATION, Check, CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class ActiveRelease(Check):
    """Reads which release ``current`` names, and the manifest and receipt in it."""

    id = "ragtrace.release"
    category = APPLICATION

    def title(self) -> str:
        return _("Release")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        if subject.release is None:
            kept = [release.id for release in prefix.complete_releases()]
            evidence = {"kept": kept}
            if kept:
                yield self.failed(
                    subject.problems["release"],
                    suggestion=_("Go back to a release that is kept on this host."),
                    command=subject.tool("rollback", "--to", kept[-1]),
                    evidence=evidence,
                )
            else:
                yield self.failed(subject.problems["release"], evidence=evidence, **subject.reinstall())
        elif subject.problems:
            details = "; ".join(subject.problems.values())
            yield self.failed(details, evidence={"unreadable": sorted(subject.problems)}, **subject.reinstall())
        else:
            version = subject.need_manifest().product.version
            yield self.passed(f"{subject.title} {version}, {subject.release.id}")
