"""Trust records: both copies of the record of accepted policies and releases are intact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.trust import memory_admin
from shared.i18n import _
from validator.check import QUICK, SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class TrustMemory(Check):
    """Compares the two copies of the trust records of host, user and installation, and both with what is installed."""

    id = "security.memory"
    category = SECURITY
    effort = QUICK

    def title(self) -> str:
        return _("Trust records")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if subject.trust_stores is None:
            raise UncheckedError(SKIP, _("nothing is installed"))
        found = memory_admin.accounts(subject.trust_stores, subject.prefix)
        problems = [problem for account in found for problem in account.problems]
        rebuilt = [str(account.folder) for account in found if account.stored.memory.rebuilt]
        forgotten = memory_admin.forgotten(found, subject.prefix)
        recover = {
            "suggestion": _(
                "Run recover to rebuild them from the intact copy or, if there is none, from what is installed."
            ),
            "command": subject.tool("recover"),
        }
        if problems:
            names = [path for account in found for path in map(str, account.stored.problems)]
            yield self.failed(
                _("trust records without two intact copies: {names}").format(names=some_of(problems)),
                evidence={"files": names},
                **recover,
            )
        if rebuilt:
            yield self.warned(
                _("both copies were lost and rebuilt from what is installed: {names}").format(names=some_of(rebuilt)),
                suggestion=_("Compare the numbers with your records, then accept them."),
                command=subject.tool("trust", "accept-memory"),
            )
        if forgotten and not problems:
            names = [f"{name} ({counter})" for name, counter in forgotten.items()]
            yield self.warned(_("installed but not recorded: {names}").format(names=some_of(names)), **recover)
        if not (problems or rebuilt or forgotten):
            yield self.passed(_("both copies are the same, and nothing newer is installed"))
