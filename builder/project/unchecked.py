"""Checks that hosts must skip because the profile lacks the needed keys, and the lines to add to it.

What an application does not seem to have (a web page, a container, a settings template) is not missed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.project.project import direct_requirements
from builder.project.toml_file import quoted
from bundle.product.environment import Environment
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from builder.project.profile import Profile


CONTAINERS = "dependency-injector"
WEB = {  # packages whose users mostly serve pages
    *("streamlit", "gradio", "dash", "panel", "nicegui", "shiny", "solara", "reflex", "chainlit"),
    *("django", "flask", "fastapi", "starlette", "litestar", "aiohttp", "tornado", "bottle", "uvicorn", "gunicorn"),
}
_TEMPLATE = re.compile(r"\.?env\.(example|sample|template|dist)|(example|sample|template)\.env")
TOP, END, ENVIRONMENT, CONTAINER = "top", "end", "environment", "container"  # places in a profile for added lines


@dataclass(frozen=True)
class Unchecked:
    """Checks of validate that hosts will skip, the reason, and the profile lines that enable them.

    ``add`` is TOML to paste at ``place``: top-level keys must come before any table, and no table may be defined
    twice. A probe at the end belongs to the last model.
    """

    checks: tuple[str, ...]
    reason: str
    add: str
    place: str = END

    def lines(self) -> Iterator[str]:
        """Yield the human-readable lines."""
        text = {
            TOP: _("{checks} will be skipped on hosts: {reason}; add at the top of the profile:"),
            END: _("{checks} will be skipped on hosts: {reason}; add at the end of the profile:"),
            ENVIRONMENT: _("{checks} will be skipped on hosts: {reason}; add to the profile's [environment] table:"),
            CONTAINER: _("{checks} will be skipped on hosts: {reason}; add to the profile's [container] table:"),
        }[self.place]
        yield text.format(checks=", ".join(self.checks), reason=self.reason)
        yield from (f"  {line}" for line in self.add.splitlines())

    def to_json(self) -> dict[str, Any]:
        return {"checks": list(self.checks), "reason": self.reason, "add": self.add, "place": self.place}


def unchecked(profile: Profile, project_root: Path) -> list[Unchecked]:
    """Return the checks that the profile of a project does not enable, with the lines that would."""
    return list(_unchecked(profile, project_root))


def _unchecked(profile: Profile, project_root: Path) -> Iterator[Unchecked]:
    application = profile.application
    required = direct_requirements(project_root).keys()
    command = next(iter(application.commands), "NAME")
    if not application.core_imports:
        imports = ("packages.imports", "performance.imports", "performance.import_tree")
        yield Unchecked(imports, _("the profile defines no core imports"), 'core_imports = ["MODULE"]', TOP)
    if not application.smoke:
        add = f'smoke = [["{command}", "--help"]]'
        commands = ("performance.start",) if application.offline_commands else ("ragtrace.cli", "performance.start")
        yield Unchecked(commands, _("the profile defines no smoke commands"), add, TOP)
    template = _template(project_root)
    if template and not application.environment.template:
        is_there = application.environment != Environment()
        add = ("" if is_there else "[environment]\n") + f"template = {quoted(template)}"
        place = ENVIRONMENT if is_there else END
        yield Unchecked(("ragtrace.settings",), _("the profile defines no settings template"), add, place)
    if application.dashboard is None and required & WEB:
        add = f'[dashboard]\ncommand = ["{command}", "--port={{port}}"]'
        yield Unchecked(("ragtrace.dashboard",), _("the profile defines no dashboard"), add)
    if application.container is None and CONTAINERS in required:
        add = f'[container]\nobject = "PACKAGE.MODULE:NAME"\ncommand = ["{command}"]'
        yield Unchecked(("ragtrace.container",), _("the profile defines no container"), add)
    elif application.container and not application.container.command:
        reason = _("the profile has no command that uses its container (dependency_injector containers need none)")
        yield Unchecked(("ragtrace.container",), reason, f'command = ["{command}"]', CONTAINER)
    if profile.models and not any(model.probe for model in profile.models):
        add = f'[models.probe]\ncommand = ["{command}"]\nsentence = "…"\nrecord = true'
        answers = ("ragtrace.probe", "performance.model")
        yield Unchecked(answers, _("no model in the bundle has a probe"), add)


def _template(project_root: Path) -> str | None:
    """Return the name of the file that looks like a settings template, or None."""
    names = sorted(path.name for path in project_root.iterdir() if path.is_file())
    return next((name for name in names if _TEMPLATE.fullmatch(name)), None)
