"""Own folders: what the tool keeps beside the releases is there, and each of the kind that it must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import journal, misplaced
from bootstrap.i18n import _
from validator.check import APPLICATION, RECOVER, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Places(Check):
    """Reads kind, owner and length of what lies in PREFIX, its state and its store, and whether the journal is whole."""

    id = "ragtrace.places"
    category = APPLICATION

    def title(self) -> str:
        return _("Own folders")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        wrong = misplaced.found(prefix)
        told = [item.told() for item in wrong]
        if not wrong and journal.is_damaged(prefix):
            told.append(_("{place} is damaged").format(place="state/journal.json"))
        if told:
            yield self.failed(
                some_of(told),
                suggestion=_("Look who changed it, and put it in order."),
                remedy=RECOVER,
                evidence={"places": [item.place for item in wrong]},
            )
            return
        yield self.passed(_("all folders and files that the tool keeps are in place"))
