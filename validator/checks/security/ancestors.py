"""Parent folders: no other user can replace the installation's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shared.files import owners
from shared.i18n import _
from validator.check import SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Ancestors(Check):
    """Checks owner and mode of every folder above the prefix."""

    id = "security.ancestors"
    category = SECURITY

    def title(self) -> str:
        return _("Parent folders")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        root = subject.need_prefix().root.resolve()
        if os.name != "posix":
            raise UncheckedError(SKIP, _("only POSIX permissions are checked"))
        users = {*owners.trusted(), root.stat().st_uid}
        problems = {str(folder): owners.problem(folder.stat(), users) for folder in root.parents}
        opened = [folder for folder, problem in problems.items() if problem == owners.OPEN]
        strange = [folder for folder, problem in problems.items() if problem == owners.FOREIGN]
        if opened:
            yield self.failed(
                _("other users can replace files in {paths}").format(paths=some_of(opened)),
                suggestion=_("Remove write permission from group and others, or install elsewhere."),
                command=f"chmod go-w {opened[0]}",
                evidence={"writable": opened},
            )
        elif strange:
            yield self.warned(
                _("another user owns {paths} and can replace the installation").format(paths=some_of(strange)),
                suggestion=_("Install into a folder whose parent folders belong to root or to your own user."),
                evidence={"owned": strange},
            )
        else:
            yield self.passed(_("only root and the owner can change the parent folders of {path}").format(path=root))
