"""What a project states about its application without a profile: its pyproject.toml and its folders."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.project.project import has_src_layout, project_table, read_project, top_level_packages
from bundle.product import commands
from bundle.product.application import Launcher
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


PROJECT_PROFILE = "ragtrace-profile.toml"
ENV_TEMPLATE = ".env.example"


@dataclass(frozen=True)
class Stated:
    """What a project states; a profile adds to it.

    ``title`` is the project's name as written, ``name`` the normalized one. The names of ``launchers`` may be taken on
    some host. ``template`` is the path of the settings template, or None.
    """

    title: str
    name: str
    launchers: tuple[Launcher, ...]
    core_imports: tuple[str, ...]
    import_paths: tuple[str, ...]
    template: str | None

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of a profile for which a project without them has values."""
        return {
            "name": self.title,
            "core_imports": list(self.core_imports),
            "import_paths": list(self.import_paths),
        }

    def launchers_beside(
        self, given: Sequence[dict[str, Any]], without: Collection[str] = ()
    ) -> tuple[list[Launcher], tuple[str, ...]]:
        """Return the launchers that a profile with ``given`` launchers leaves, and a note for each renamed one.

        Those with the name or the target of a given one, and those of ``without``, are left out. Raises UsageError if a
        name is not usable.
        """
        names = {commands.typed(str(item.get("name"))) for item in given}
        targets = {item.get("target") for item in given}
        left = [
            launcher
            for launcher in self.launchers
            if commands.typed(launcher.name) not in names
            and launcher.target not in targets
            and launcher.name not in without
        ]
        return _free_names(left, self.name)


def stated_by(project_root: Path) -> Stated:
    """Return what a project states about its application.

    Launchers are [project.scripts] and [project.gui-scripts], or else packages that run with -m. Raises UsageError if
    the project cannot be read.
    """
    project = read_project(project_root)
    table = project_table(project_root / "pyproject.toml")
    scripts = {**(table.get("scripts") or {}), **(table.get("gui-scripts") or {})}
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    packages = top_level_packages(folder, None if apart else project.name, scripts)
    launchers = [Launcher(name, "entry", re.sub(r"\s|\[.*", "", str(target))) for name, target in scripts.items()]
    if not launchers:
        runnable = [name for name in packages if (folder / name / "__main__.py").is_file()]
        launchers = [Launcher(name.replace("_", "-"), "module", name) for name in runnable]
    return Stated(
        title=table["name"],
        name=project.name,
        launchers=tuple(launchers),
        core_imports=tuple(packages),
        import_paths=("src" if apart else ".",),
        template=ENV_TEMPLATE if (project_root / ENV_TEMPLATE).is_file() else None,
    )


def _free_names(launchers: list[Launcher], project: str) -> tuple[list[Launcher], tuple[str, ...]]:
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
            notes.append(note.format(file="pyproject.toml", script=launcher.name, reason=why, name=name))
        found.append(replace(launcher, name=name))
    trouble = commands.trouble([launcher.name for launcher in found])
    if trouble:
        raise UsageError(
            f"pyproject.toml: project.scripts.{launchers[trouble[0]].name}: {trouble[1]}.",
            advice=_("Add a launcher with another name and the same target to {profile}.").format(
                profile=PROJECT_PROFILE
            ),
        )
    return found, tuple(notes)
