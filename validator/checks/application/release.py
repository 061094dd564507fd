"""Release: one complete release is active and readable, or the available bundle can be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.install.preflight import preflight
from installer.layout.location.finding import default_root
from installer.layout.prefix import Prefix
from shared.i18n import _, joined
from validator.check import APPLICATION, RECOVER, SKIP, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class ActiveRelease(Check):
    """Reads the active release's manifest and receipt; if nothing is installed, the available bundle's requirements."""

    id = "ragtrace.release"
    category = APPLICATION

    def title(self) -> str:
        return _("Release")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if subject.prefix is None:
            yield from self.before(subject)
            return
        prefix = subject.prefix
        if subject.release is None:
            stored = [release.id for release in prefix.complete_releases()]
            evidence = {"kept": stored}
            if stored:
                yield self.failed(
                    subject.problems["release"],
                    suggestion=_("Roll back to a release that is retained on this host."),
                    command=subject.tool("rollback", "--to", stored[-1]),
                    remedy=RECOVER,
                    evidence=evidence,
                )
            else:
                yield self.failed(subject.problems["release"], evidence=evidence, **subject.reinstall())
        elif subject.problems:
            details = joined("; ", list(subject.problems.values()))
            yield self.failed(details, evidence={"unreadable": sorted(subject.problems)}, **subject.reinstall())
        else:
            version = subject.need_manifest().product.version
            yield self.passed(f"{subject.title} {version}, {subject.release.id}")

    def before(self, subject: Subject) -> Iterator[CheckResult]:
        """Yield results on whether the available bundle can be installed into this user's default prefix."""
        if "bundle" in subject.problems:
            yield self.failed(subject.problems["bundle"], suggestion=_("Request the bundle or its keys again."))
            return
        manifest = subject.manifest
        if manifest is None:
            raise UncheckedError(SKIP, _("nothing is installed"))
        prefix = Prefix(default_root() / manifest.product.name)
        findings = preflight(manifest, prefix)
        for finding in findings:
            if not finding.fits:
                yield self.failed(f"{finding.name}: {finding.details}", suggestion=finding.advice)
            elif finding.warns:
                yield self.warned(f"{finding.name}: {finding.details}", suggestion=finding.advice)
        if all(finding.fits for finding in findings):
            details = _("{title} {version} can be installed into {path}").format(
                title=subject.title, version=manifest.product.version, path=prefix.root
            )
            yield self.passed(details)
