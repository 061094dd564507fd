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
    from collections.abc import Sequence
    from pathlib import Path


ENV_TEMPLATE = ".env.example"


def default_profile(project_root: Path, others: Sequence[Path] = ()) -> Profile:
    """Return a profile derived from pyproject.toml and the project's layout.

    Launchers come from [project.scripts] and [project.gui-scripts], or else from packages that run with -m; those of
    ``others``, folders of packages that are bundled too, are added.
    Raises UsageError if the project cannot be read or the profile would be invalid.
    """
    project = read_project(project_root)
    path = project_root / "pyproject.toml"
    table = project_table(path)
    scripts = _scripts(path)
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    packages = top_level_packages(folder, None if apart else project.name, scripts)
    launchers = _entries(scripts)
    if not launchers:
        runnable = [name for name in packages if (folder / name / "__main__.py").is_file()]
        launchers = [Launcher(name.replace("_", "-"), "module", name) for name in runnable]
    launchers += _of_others(others, scripts)
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


def _scripts(path: Path) -> dict[str, str]:
    table = project_table(path)
    return {**(table.get("scripts") or {}), **(table.get("gui-scripts") or {})}


def _entries(scripts: dict[str, str]) -> list[Launcher]:
    return [Launcher(name, "entry", re.sub(r"\s|\[.*", "", str(target))) for name, target in scripts.items()]


def _of_others(others: Sequence[Path], taken: dict[str, str]) -> list[Launcher]:
    """Return the launchers of other packages. Raises UsageError if two packages have a script with the same name."""
    known, found = dict(taken), []
    for folder in others:
        scripts = _scripts(folder / "pyproject.toml")
        both = sorted(scripts.keys() & known.keys())
        if both:
            raise UsageError(
                _("Two of the packages have a script named {name}.").format(name=both[0]),
                advice=_(
                    "Build them separately, or create {profile} in the project with the launchers to install."
                ).format(profile=PROJECT_PROFILE),
            )
        known |= scripts
        found += _entries(scripts)
    return found


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
