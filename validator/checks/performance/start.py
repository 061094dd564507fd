"""Start: the time that the application's commands take to start and end, from the disk and from the cache.

These times are compared with those without the release's bytecode and lazy imports.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from installer.layout import service_account
from installer.release import launchers
from shared.errors import ToolError
from shared.files import temp_folders
from shared.i18n import _
from validator.check import ERROR, NORMAL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.checks.performance.measured import Measured, judged
from validator.trials import scratch_prefix, trial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.release.installation import Installation
    from validator.subject import Subject

START_LIMIT = 120.0  # seconds per start
WARM_RUNS = 2


class StartTime(Check):
    """Times the first smoke command of each launcher, cold and warm, with and without bytecode and lazy imports."""

    id = "performance.start"
    category = PERFORMANCE
    time_limit = 600.0
    measures = True
    effort = NORMAL

    def title(self) -> str:
        return _("Startup time")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        application = installation.manifest.application
        # a dashboard does not end, and another check times it
        apart_from = {application.dashboard.command[0]} if application.dashboard else set()
        first = {command[0]: command for command in reversed(application.smoke)}
        names = [name for name in application.commands if name in first or name not in apart_from]
        if not names:
            raise UncheckedError(SKIP, _("the profile defines no smoke commands"))
        for name in names:
            title = _("Startup of {name}").format(name=name)
            if name not in first:
                yield self.result(SKIP, _("no smoke command in the profile starts it"), name=title)
            elif self.is_over:
                yield self.untried(name=title)
            else:
                try:
                    with scratch_prefix.create(installation) as scratch:
                        yield self.measured(subject, scratch, first[name], title)
                except ToolError as error:
                    yield self.result(ERROR, error.what, name=title)
                except UncheckedError as error:
                    yield self.result(error.status, error.reason, name=title)

    def measured(self, subject: Subject, scratch: Installation, command: tuple[str, ...], title: str) -> CheckResult:
        """Return the result for one command; measurements for which no time is left are omitted."""
        now = self.both(subject, scratch, command)
        line = " ".join(command)
        details = _("{line}: {seconds:.2f} s").format(line=line, seconds=now["warm"])
        if "cold" in now:
            details = _("{details}, {seconds:.2f} s from the disk").format(details=details, seconds=now["cold"])
        metric = {f"{line} {kind}": (round(seconds, 3), "s") for kind, seconds in now.items()}
        bounds = {f"{line} warm": "start_seconds"}
        if not self.is_over:
            with temp_folders.scratch() as empty:
                with service_account.acting_as_owner_of(scratch.prefix.root):
                    write_plain(scratch, empty)
                before = self.both(subject, scratch, command, runs=1)
            metric.update({f"{line} {kind} before": (round(seconds, 3), "s") for kind, seconds in before.items()})
            details = _("{details}; without bytecode and lazy imports {seconds:.2f} s").format(
                details=details, seconds=before["warm"]
            )
        return judged(self, subject, details, Measured(metric, bounds), name=title)

    def both(
        self, subject: Subject, scratch: Installation, command: tuple[str, ...], runs: int = WARM_RUNS
    ) -> dict[str, float]:
        """Return the seconds of the fastest warm start, and of one from the disk if the cache can be dropped."""
        root = scratch.prefix.root
        folders = subject.need_installation().site_packages, root
        with service_account.acting_as_owner_of(root):
            forgotten = all(trial.forget(folder) for folder in folders)
        first = self.seconds_of(scratch, command)
        warm = min(self.seconds_of(scratch, command) for _run in range(runs))
        return {"warm": warm, "cold": first} if forgotten else {"warm": warm}

    def seconds_of(self, scratch: Installation, command: tuple[str, ...]) -> float:
        """Run a command to its end and return the seconds. Raises UncheckedError if it fails."""
        argv, env = trial.launcher(scratch, command)
        limit = self.left(START_LIMIT)
        where = scratch_prefix.caller(scratch)
        started = time.perf_counter()
        ended = trial.run_in(scratch, argv, env=env, cwd=where, timeout=limit)
        seconds = time.perf_counter() - started
        if not ended.ok:
            line = " ".join(command)
            reason = _("{command}: {reason}").format(command=line, reason=trial.ending(ended, limit))
            raise UncheckedError(ERROR, reason)
        return seconds


def write_plain(scratch: Installation, empty: str | Path) -> None:
    """Make the launchers of a scratch prefix use an empty bytecode cache.

    The bytecode of the release, which contains the lazy imports, is then not used.
    """
    release, run = scratch.release, launchers.run_of(scratch.manifest)
    run["environment"]["values"] = {**run["environment"]["values"], "PYTHONPYCACHEPREFIX": str(empty)}
    release.run_file.unlink()  # it is read-only, like that of the release
    release.run_file.write_text(json.dumps(run), encoding="utf-8")
