"""What hosts cannot check because the profile does not say what it takes, and what to add to the profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder.profile import Profile


@dataclass(frozen=True)
class Unchecked:
    """Checks of validate that will be SKIP, why, and the lines of a profile that change it."""

    checks: tuple[str, ...]
    reason: str
    add: str

    def __str__(self) -> str:
        return _("{checks} will be skipped on hosts: {reason}; add {lines}").format(
            checks=", ".join(self.checks), reason=self.reason, lines=self.add
        )

    def to_json(self) -> dict[str, Any]:
        return {"checks": list(self.checks), "reason": self.reason, "add": self.add}


def unchecked(profile: Profile) -> list[Unchecked]:
    """Return what the profile could say and does not."""
    return list(_unchecked(profile))


def _unchecked(profile: Profile) -> Iterator[Unchecked]:
    application = profile.application
    command = next(iter(application.commands), "NAME")
    if not application.core_imports:
        imports = ("packages.imports", "performance.imports", "performance.import_tree")
        yield Unchecked(imports, _("the profile names no core imports"), 'core_imports = ["MODULE"]')
    if not application.smoke:
        add = f'smoke = [["{command}", "--help"]]'
        commands = ("performance.start",) if application.offline_commands else ("ragtrace.cli", "performance.start")
        yield Unchecked(commands, _("the profile names no smoke commands"), add)
    if not application.environment.template:
        add = '[environment] template = ".env.example"'
        yield Unchecked(("ragtrace.settings",), _("the profile names no template of settings"), add)
    if application.dashboard is None:
        add = f'[dashboard] command = ["{command}", "--port={{port}}"]'
        yield Unchecked(("ragtrace.dashboard",), _("the profile names no dashboard"), add)
    if application.container is None:
        add = '[container] object = "PACKAGE.MODULE:NAME"'
        yield Unchecked(("ragtrace.container",), _("the profile names no container"), add)
    elif not application.container.command:
        reason = _(
            "the profile names no command that lets its container build anything, unless dependency_injector does"
        )
        yield Unchecked(("ragtrace.container",), reason, f'[container] command = ["{command}"]')
    if profile.models and not any(model.probe for model in profile.models):
        add = f'[models.probe] command = ["{command}"], sentence = "…", record = true'
        answers = ("ragtrace.probe", "performance.model")
        yield Unchecked(answers, _("no model of the bundle has a probe"), add)
