"""Locale: the user's locale is available and uses UTF-8."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from installer.release import acceptance
from shared.i18n import _
from shared.processes import process, scripts
from validator.check import ERROR, SYSTEM, Check, CheckResult, UncheckedError
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

ASK = scripts.text("scripts/describe_locale")


class Locale(Check):
    """Runs this Python once in the user's locale and reads its encodings."""

    id = "system.locale"
    category = SYSTEM
    time_limit = 30.0

    def title(self) -> str:
        return _("Locale")

    def run(self, subject: Subject) -> Iterator[CheckResult]:  # noqa: ARG002 - depends only on the host
        limit = self.left()
        argv = [sys.executable, "-S", "-B", "-c", ASK]
        ended = process.run(argv, env=acceptance.basic_environment(), timeout=limit)
        answer = trial.answer_in(ended) if ended.ok else None
        if answer is None:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        reason, encoding, names = answer
        advice = _("Set LANG to a UTF-8 locale that this host has, such as C.UTF-8.")
        if reason:
            details = _("the locale in LANG or LC_ALL is not available: {reason}").format(reason=reason)
            yield self.warned(details, suggestion=advice)
        elif not names.lower().startswith("utf") or (
            sys.platform != "win32" and not encoding.lower().startswith("utf")
        ):
            details = _("text encoding {encoding}, file name encoding {names}").format(encoding=encoding, names=names)
            yield self.warned(details, suggestion=advice)
        else:
            yield self.passed(
                _("text encoding {encoding}, file name encoding {names}").format(encoding=encoding, names=names)
            )
