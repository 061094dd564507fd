"""The default profile for an application that has none, derived from pyproject.toml and the project's layout."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.project.profile import (
    PROJECT_PROFILE,
    Profile,
    as_usage,
    check_application,
    environment_of,
    shadows,
)
from builder.project.project import has_src_layout, project_table, read_project, top_level_packages
from bundle.product import commands
from bundle.product.application import Application, Launcher, require_names
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from builder.project.own_wheel import OwnWheel


ENV_TEMPLATE = ".env.example"
BESIDE = ("docs", "examples", "test", "tests")  # packages that wheels contain by mistake and that nothing imports


@dataclass(frozen=True)
class _Layout:
    """What a project runs and imports: scripts with their targets, modules that run with -m, top-level modules."""

    scripts: Mapping[str, str]
    runnable: Sequence[str]
    modules: Sequence[str]
    import_paths: Sequence[str]


def _layout_of_source(project_root: Path, name: str, table: dict[str, Any]) -> _Layout:
    """Return the layout of a project that is not a package: its source is on the import path."""
    scripts = {**(table.get("scripts") or {}), **(table.get("gui-scripts") or {})}
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    packages = top_level_packages(folder, None if apart else name, scripts)
    runnable = [package for package in packages if (folder / package / "__main__.py").is_file()]
    return _Layout(scripts, runnable, packages, ["src" if apart else "."])


def _layout_of_wheel(wheel: OwnWheel, name: str) -> _Layout:
    """Return the layout of an installed project; of its modules those named like it or started by its scripts."""
    wanted = {name.replace("-", "_"), *(re.split(r"[.:]", target)[0].strip() for target in wheel.scripts.values())}
    modules = [module for module in wheel.modules if module in wanted]
    return _Layout(wheel.scripts, wheel.runnable, modules or [m for m in wheel.modules if m not in BESIDE], [])


def default_profile(project_root: Path, wheel: OwnWheel | None = None) -> Profile:
    """Return a profile derived from the project's wheel or, without one, from pyproject.toml and the layout.

    Launchers come from its scripts, or else from packages that run with -m. Raises UsageError if the project cannot be
    read or the profile would be invalid.
    """
    project = read_project(project_root)
    path = project_root / "pyproject.toml"
    table = project_table(path)
    if wheel is None:
        layout = _layout_of_source(project_root, project.name, table)
    else:
        layout = _layout_of_wheel(wheel, project.name)
    launchers = [Launcher(name, "entry", re.sub(r"\s|\[.*", "", str(to))) for name, to in layout.scripts.items()]
    if not launchers:
        launchers = [Launcher(name.replace("_", "-"), "module", name) for name in layout.runnable]
    launchers, changed = _free_names(launchers, project.name, path)
    template = ENV_TEMPLATE if (project_root / ENV_TEMPLATE).is_file() else None
    value = {
        "launchers": [launcher.to_json() for launcher in launchers],
        "environment": environment_of({"template": template}, "environment", project_root),
        "core_imports": list(layout.modules),
        "import_paths": list(layout.import_paths),
        "persist": [],
        "smoke": [],
        "dashboard": None,
        "thresholds": {},
        "migration": None,
        "cpu_level": 1,
        "lazy_imports": [],
    }
    with as_usage(path):
        application = Application.from_json(value, path.name)
        require_names(application, path.name)
        check_application(application, path.name, project_root)
    files = (project_root / template,) if template else ()
    notes = (*changed, *shadows(application, path.name))
    return Profile(title=table["name"], application=application, files=files, notes=notes)


def _free_names(launchers: list[Launcher], project: str, path: Path) -> tuple[list[Launcher], tuple[str, ...]]:
    """Return the launchers with names that are free on every host, and a note for each renamed launcher.

    Script names are chosen for a project's developers (``test``, ``start``), so the project's name is
    prefixed to a name that is taken. Raises UsageError if the result is not usable either.
    """
    found, notes = [], []
    for launcher in launchers:
        why = commands.taken(launcher.name)
        name = f"{project}-{launcher.name}" if why else launcher.name
        if why:
            note = _(
                "{file}: project.scripts.{script}: {reason}. The launcher will be {name} unless a profile "
                "sets its name."
            )
            notes.append(note.format(file=path.name, script=launcher.name, reason=why, name=name))
        found.append(replace(launcher, name=name))
    trouble = commands.trouble([launcher.name for launcher in found])
    if trouble:
        raise UsageError(
            f"{path.name}: project.scripts.{launchers[trouble[0]].name}: {trouble[1]}.",
            advice=_("Create {profile} in the project, with another launcher name.").format(profile=PROJECT_PROFILE),
        )
    return found, tuple(notes)
