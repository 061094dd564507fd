"""Commands: the profile's commands, except those that need a network, work as users start them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.release import lacks, launchers
from shared.errors import ToolError
from shared.i18n import _
from validator.check import APPLICATION, NORMAL, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Commands(Check):
    """Compares the scripts in PREFIX/bin with the manifest; runs the profile's commands on scratch data, offline."""

    id = "ragtrace.cli"
    category = APPLICATION
    time_limit = 600.0
    effort = NORMAL

    def title(self) -> str:
        return _("Commands")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        yield from self.launchers(subject)
        yield from self.commands(subject)

    def launchers(self, subject: Subject) -> Iterator[CheckResult]:
        """Yield a result for damaged scripts, and for the installer's tool if it has the same name as a command."""
        installation = subject.need_installation()
        prefix, manifest = installation.prefix, installation.manifest
        wrong = launchers.damaged(prefix, manifest)
        if wrong:
            yield self.failed(
                _("missing or altered: {names}").format(names=some_of(wrong)),
                evidence={"launchers": wrong},
                **subject.repair(),
            )
        previous = launchers.former_tool(prefix)
        if previous and previous.stem in manifest.application.commands:
            yield self.warned(
                _("{path} starts the installer's tool, not the application").format(path=previous),
                suggestion=_(
                    "Upgrade with a bundle that has a newer installer; there, this name belongs to the application."
                ),
                evidence={"launchers": [f"bin/{previous.name}"]},
            )

    def commands(self, subject: Subject) -> Iterator[CheckResult]:
        """Yield a result for each command of the profile."""
        installation = subject.need_installation()
        manifest = installation.manifest
        commands = (*manifest.application.smoke, *manifest.application.offline_commands)
        if not commands:
            raise UncheckedError(SKIP, _("the profile defines no commands to try"))
        missing = lacks.missing_models(installation)
        for index, command in enumerate(commands):
            line, limit = " ".join(command), self.left()
            evidence = {"command": list(command)}
            name = _("Command {line}").format(line=line)
            if self.is_over:
                yield self.untried(name=name, evidence=evidence)
                continue
            if missing and index >= len(manifest.application.smoke):
                reason = _("not tried: missing models: {models}").format(models=some_of([one.name for one in missing]))
                yield self.result(SKIP, reason, name=name, evidence=evidence)
                continue
            try:
                ended = trial.run_launcher(installation, command, timeout=limit, offline=True)
            except ToolError as error:
                yield self.failed(error.what, name=name, evidence=evidence, **subject.repair())
                continue
            if ended.ok:
                yield self.passed(_("works"), name=name, evidence=evidence)
            else:
                yield self.failed(trial.ending(ended, limit), name=name, evidence=evidence, **subject.repair())
