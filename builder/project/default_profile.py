"""The default profile for an application that has none, derived from pyproject.toml and the project's layout."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

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
    from pathlib import Path


ENV_TEMPLATE = ".env.example"


def default_profile(project_root: Path) -> Profile:
    """Return a profile derived from pyproject.toml and the project's layout.

    Launchers come from [project.scripts] and [project.gui-scripts], or else from packages that run with -m.
    Raises UsageError if the project cannot be read or the profile would be invalid.
    """
    project = read_project(project_root)
    path = project_root / "pyproject.toml"
    table = project_table(path)
    scripts = {**(table.get("scripts") or {}), **(table.get("gui-scripts") or {})}
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    packages = top_level_packages(folder, None if apart else project.name, scripts)
    launchers = [Launcher(name, "entry", re.sub(r"\s|\[.*", "", str(target))) for name, target in scripts.items()]
    if not launchers:
        runnable = [name for name in packages if (folder / name / "__main__.py").is_file()]
        launchers = [Launcher(name.replace("_", "-"), "module", name) for name in runnable]
    launchers, changed = _free_names(launchers, project.name, path)
    template = ENV_TEMPLATE if (project_root / ENV_TEMPLATE).is_file() else None
    value = {
        "launchers": [launcher.to_json() for launcher in launchers],
        "environment": environment_of({"template": template}, "environment", project_root),
        "core_imports": packages,
        "import_paths": ["src" if apart else "."],
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
