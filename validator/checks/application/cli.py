"""Commands: those of the profile, and all others with --help, work as users start them, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.release import lacks, launchers
from shared.errors import ToolError
from shared.i18n import _
from validator.check import APPLICATION, NORMAL, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.result import RECOVER
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.processes.process import Completed
    from validator.subject import Subject


HELP = ("--help",)
HELP_LIMIT = 60.0  # seconds; what takes longer is a server, or reads gigabytes before it reads its arguments
TRACEBACK = "Traceback (most recent call last)"
WINDOWS_CRASH = 0xC0000000  # exit codes from here on are exceptions (NTSTATUS)


class Commands(Check):
    """Compares the scripts in PREFIX/bin with the manifest; runs the profile's commands on scratch data, offline.

    Commands that the profile does not try are run with --help; no output without a crash is a warning.
    """

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
                    "Upgrade with a bundle that has a newer installer, which leaves this name to the application."
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
            line, asks = " ".join(command), index >= len(manifest.application.smoke) and command[1:] == HELP
            limit = self.left(HELP_LIMIT) if asks else self.left()
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
            elif asks and not crashed(ended):
                details = trial.ending(ended, limit)
                yield self.warned(details, name=name, evidence=evidence, **without_help(command[0]))
            else:
                yield self.failed(trial.ending(ended, limit), name=name, evidence=evidence, **as_installed())


def crashed(ended: Completed) -> bool:
    """Return whether a program ended by a signal or an exception, and not by its own decision or the time limit."""
    if ended.timed_out:
        return False
    return not 0 <= ended.returncode < WINDOWS_CRASH or TRACEBACK in ended.stderr


def without_help(name: str) -> dict[str, str]:
    """Return the remedy for a command that failed with --help: recover if it finds damage, else none is needed."""
    advice = _(
        "Ignore this if {name} is a server or has no --help, and add it to the profile's "
        "without_help for the next bundle; otherwise, read the error message."
    )
    return {"remedy": RECOVER, "suggestion": advice.format(name=name)}


def as_installed() -> dict[str, str]:
    """Return the remedy for a command that fails: recover if it finds damage, else what the operator can do."""
    advice = _(
        "Set what the error message asks for in .env, and check this host (memory, libraries, permissions); if that is "
        "not the cause, transfer a bundle with a fixed version."
    )
    return {"remedy": RECOVER, "suggestion": advice}
