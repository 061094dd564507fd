"""C library: glibc is present and as new as the bundle's wheels require."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from installer.install.requirements import GLIBC
from shared.i18n import _
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class CLibrary(Check):
    """Compares the version that glibc reports with the target in the manifest."""

    id = "system.glibc"
    category = SYSTEM

    def title(self) -> str:
        return _("C library")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if sys.platform != "linux":
            raise UncheckedError(SKIP, _("applies to Linux only"))
        found, manifest = GLIBC.seen(), subject.manifest
        if manifest and found is None and manifest.target.platform == "musllinux":
            yield self.passed(_("musl, as the bundle requires"))
        elif manifest and GLIBC.is_asked(manifest) and not (finding := GLIBC.judge(manifest, found)).fits:
            yield self.failed(finding.details, suggestion=finding.advice)
        elif found is None:
            advice = _("Use a distribution with a newer glibc; it cannot be replaced on its own.")
            yield self.failed(_("this system's C library is not glibc"), suggestion=advice)
        else:
            yield self.passed(f"glibc {'.'.join(map(str, found))}")
