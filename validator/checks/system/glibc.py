"""C library: glibc is there, as new as the wheels of the bundle ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bundle.target import host_glibc
from shared.i18n import _
from validator.check import SKIP, SYSTEM, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class CLibrary(Check):
    """Reads the version that glibc reports, and the target in the manifest."""

    id = "system.glibc"
    category = SYSTEM

    def title(self) -> str:
        return _("C library")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if sys.platform != "linux":
            raise UncheckedError(SKIP, _("only Linux has it"))
        found = host_glibc()
        if found is None and subject.manifest and subject.manifest.target.platform == "musllinux":
            yield self.passed(_("musl, as the bundle requires"))
            return
        advice = _("Use a distribution with a newer glibc; it cannot be replaced on its own.")
        if found is None:
            yield self.failed(_("this system's C library is not glibc"), suggestion=advice)
            return
        shown = ".".join(map(str, found))
        wanted = subject.manifest.target.glibc if subject.manifest else None
        if wanted and found < wanted:
            details = _("glibc {found}; the bundle needs {wanted}").format(
                found=shown, wanted=".".join(map(str, wanted))
            )
            yield self.failed(details, suggestion=advice)
        else:
            yield self.passed(f"glibc {shown}")
