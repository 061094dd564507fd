"""Container: the application's dependency container can be imported and can build its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import ToolError
from shared.i18n import _
from shared.processes import scripts
from validator.check import APPLICATION, ERROR, NORMAL, SKIP, Check, CheckResult, UncheckedError
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

RESOLVE = scripts.text("scripts/resolve_container")


class ContainerObject(Check):
    """Imports the profile's container without a network, checks that it is complete, and lets it build its parts."""

    id = "ragtrace.container"
    category = APPLICATION
    time_limit = 300.0
    effort = NORMAL

    def title(self) -> str:
        return _("Container")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        container = subject.need_manifest().application.container
        if container is None:
            raise UncheckedError(SKIP, _("the profile defines no container"))
        try:
            ended = trial.run_program(subject.need_installation(), RESOLVE, [container.object], timeout=self.left())
        except ToolError as error:
            yield self.failed(error.what, **subject.repair())
            return
        evidence = {"object": container.object}
        answer = trial.answer_in(ended)
        if answer is None:
            raise UncheckedError(ERROR, trial.ending(ended, self.limit))
        kind, asked, reason = answer
        if reason is None and container.command:
            reason = self.building(subject, container.command)
        if reason:
            details = _("{object}: {reason}").format(object=container.object, reason=reason)
            yield self.failed(details, evidence=evidence, **subject.repair())
        elif container.command:
            details = _(
                "{object} is a {kind}, and {command} builds everything that the application needs with it"
            ).format(object=container.object, kind=kind, command=" ".join(container.command))
            yield self.passed(details, evidence=evidence)
        elif asked:
            details = _("{object} is a {kind}, and all of its dependencies are available")
            yield self.passed(details.format(object=container.object, kind=kind), evidence=evidence)
        else:
            details = _("{object} is a {kind}; the profile has no command that uses it")
            raise UncheckedError(SKIP, details.format(object=container.object, kind=kind))

    def building(self, subject: Subject, command: tuple[str, ...]) -> str | None:
        """Return why the command that makes the container build its parts fails, or None if it succeeds."""
        limit = self.left()
        try:
            ended = trial.run_launcher(subject.need_installation(), command, timeout=limit, offline=True)
        except ToolError as error:
            return error.what
        return None if ended.ok else trial.ending(ended, limit)
