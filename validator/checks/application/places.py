"""Installation folders: the tool's own files and folders exist and have the expected types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout import journal, misplaced, proofs
from installer.userdata import backups
from shared.i18n import _
from validator.check import APPLICATION, RECOVER, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Places(Check):
    """Checks type, owner and size of entries in PREFIX, state and store; reads journal, second copies and indexes."""

    id = "ragtrace.places"
    category = APPLICATION

    def title(self) -> str:
        return _("Installation folders")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        wrong = misplaced.find_misplaced(prefix)
        reported = [item.described() for item in wrong]
        if not wrong and journal.is_damaged(prefix):
            reported.append(_("{place} is damaged").format(place="state/journal.json"))
        if reported:
            is_elsewhere = any(item.what == misplaced.LINKED for item in wrong)
            yield self.failed(
                some_of(reported),
                suggestion=misplaced.move_back() if is_elsewhere else _("Find out who changed it, and fix it."),
                remedy=None if is_elsewhere else RECOVER,
                evidence={"places": [item.place for item in wrong]},
            )
            return
        if subject.release is not None and not proofs.are_twice(prefix, subject.release):
            yield self.warned(
                _("the second copy of the signed metadata is missing or altered"),
                suggestion=_("Find out who changed it, and fix it."),
                remedy=RECOVER,
            )
            return
        lost = backups.unreadable(prefix)
        if lost:
            yield self.warned(
                _("backups with an unreadable index: {names}").format(names=some_of(lost)),
                suggestion=_(
                    "Copy the contents of the folder 'files' in each of them elsewhere, then remove these backups."
                ),
                evidence={"backups": lost},
            )
            return
        yield self.passed(_("all of the tool's folders and files are in place"))
