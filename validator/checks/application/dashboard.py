"""Dashboard: the application's web page responds on this host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bundle.product.application import PORT
from shared.errors import ToolError
from shared.i18n import _
from shared.processes import scripts, supervised
from validator.check import APPLICATION, ERROR, NORMAL, SKIP, Check, CheckResult, UncheckedError
from validator.trials import apart, scratch_prefix, trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.product.application import Dashboard
    from shared.processes import process
    from validator.subject import Subject

ASK = scripts.text("scripts/query_dashboard")
LAST = 5.0  # seconds of the check's limit that are reserved for stopping the dashboard


class DashboardAnswer(Check):
    """Starts the profile's dashboard on a free port of 127.0.0.1, without a network, and requests its page."""

    id = "ragtrace.dashboard"
    category = APPLICATION
    time_limit = 120.0
    effort = NORMAL

    def title(self) -> str:
        return _("Dashboard")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        dashboard = subject.need_manifest().application.dashboard
        if dashboard is None:
            raise UncheckedError(SKIP, _("the profile defines no dashboard"))
        try:
            ended = self.ask(subject, dashboard)
        except ToolError as error:
            yield self.failed(error.what, **subject.repair())
            return
        answer = trial.answer_in(ended)
        if answer is None:
            raise UncheckedError(ERROR, trial.ending(ended, self.limit))
        yield self.judged(subject, dashboard, answer)

    def judged(self, subject: Subject, dashboard: Dashboard, answer: list[Any]) -> CheckResult:
        """Return the result for the response, or for its absence."""
        status, seconds, code, said, unreachable = answer
        if unreachable:
            details = _("127.0.0.1 cannot be used on this host: {reason}").format(reason=unreachable)
            advice = _("Bring the loopback interface up (Linux: `ip link set lo up`), or allow it in the firewall.")
            return self.result(ERROR, details, suggestion=advice)
        metric = {"dashboard": (round(seconds, 3), "s")}
        if status is not None and status < 400:
            words = (
                _("{path} responded with HTTP {status} in {seconds:.1f} s with the network disabled")
                if apart.possible()
                else _("{path} responded with HTTP {status} in {seconds:.1f} s; the network could not be disabled here")
            )
            details = words.format(path=dashboard.path, status=status, seconds=seconds)
            return self.passed(details, metric=metric)
        if status is not None:
            return self.failed(
                _("{path} responded with HTTP {status}").format(path=dashboard.path, status=status), **subject.repair()
            )
        if code is not None:
            details = _("exited with code {code}: {last}").format(code=code, last=said)
            return self.failed(details, **subject.repair())
        details = _("{path} did not respond within {limit:.0f} s: {last}").format(
            path=dashboard.path, limit=seconds, last=said
        )
        return self.failed(details, **subject.repair())

    def ask(self, subject: Subject, dashboard: Dashboard) -> process.Completed:
        """Start the dashboard, request its page and return the completed process."""
        with scratch_prefix.create(subject.need_installation()) as scratch:
            argv, env = trial.launcher(scratch, dashboard.command)
            limit = max(self.left() - LAST, self.left() / 2)
            reported = json.dumps([argv, dashboard.environment, PORT, dashboard.path, limit])
            asking = [supervised.interpreter(), "-I", "-S", "-B", "-c", ASK]
            where, question = scratch_prefix.caller(scratch), reported.encode() + b"\n"
            return trial.run_in(scratch, asking, env=env, cwd=where, timeout=self.left(), stdin=question)
