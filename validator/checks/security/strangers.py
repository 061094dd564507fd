"""Unknown files: the tool's folders contain only files that the tool wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.install import unknown_files
from installer.release import launchers
from shared.i18n import _
from validator.check import SECURITY, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class UnknownFiles(Check):
    """Lists the names in PREFIX, its bin, state, releases and store, and the commands that programs in bin shadow."""

    id = "security.strangers"
    category = SECURITY

    def title(self) -> str:
        return _("Unknown files")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, release, manifest = subject.need_prefix(), subject.need_release(), subject.need_manifest()
        known = launchers.scripts(prefix, manifest)
        found, names = unknown_files.around(prefix), []
        shadows = {}
        for path in unknown_files.in_bin(prefix, known):
            found.append(path)
            instead = unknown_files.shadowed(path, prefix, release, known)
            if instead:
                shadows[str(path)] = instead
        for path in found:
            instead = shadows.get(str(path), "")
            names.append(
                _("{path}, which runs instead of {other} if PREFIX/bin comes first in PATH").format(
                    path=path, other=instead
                )
                if instead
                else str(path)
            )
        if found:
            yield self.warned(
                _("not part of the installation: {names}").format(names=some_of(names)),
                suggestion=_(
                    "Find out who put them there, then move them elsewhere; neither recover nor uninstall removes them."
                ),
                evidence={"strangers": [str(path) for path in found], "shadows": shadows},
            )
            return
        yield self.passed(_("the installation contains no other files"))
