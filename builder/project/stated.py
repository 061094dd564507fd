"""What a project states about its application without a profile: its pyproject.toml and its folders."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from builder.project.project import has_src_layout, project_table, read_project, top_level_packages
from bundle.product import commands
from bundle.product.application import Launcher
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from builder.project.own_wheel import OwnWheel
    from bundle.product.application import Application


PYPROJECT = "pyproject.toml"
PROJECT_PROFILE = "ragtrace-profile.toml"
ENV_TEMPLATE = ".env.example"
HELP = "--help"
COMMANDS = 100  # the most offline commands of a manifest
BESIDE = ("docs", "examples", "test", "tests")  # packages that wheels contain by mistake and that nothing imports


@dataclass(frozen=True)
class Stated:
    """What a project states; a profile adds to it.

    ``title`` is the project's name as written ('': none), ``name`` the normalized one. The names of ``launchers`` may
    be taken on some host. ``template`` is the path of the settings template, or None. ``windows`` are the targets of
    scripts that open a window, ``extras`` the scripts that need extras of the project, with these. ``origin`` is the
    file or folder that states it, and ``include`` lists the files to bundle, all if it is empty.
    """

    title: str
    name: str
    launchers: tuple[Launcher, ...]
    core_imports: tuple[str, ...]
    import_paths: tuple[str, ...]
    template: str | None
    windows: frozenset[str] = frozenset()
    extras: Mapping[str, frozenset[str]] = field(default_factory=dict)
    origin: str = PYPROJECT
    include: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of a profile for which a project without them has values."""
        return {
            **({"name": self.title} if self.title else {}),
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
        return self._free_names(left)

    def _free_names(self, launchers: list[Launcher]) -> tuple[list[Launcher], tuple[str, ...]]:
        """Return the launchers with names that are free on every host, and a note for each renamed launcher.

        Script names are chosen for a project's developers (``test``, ``start``), so the project's name is
        prefixed to a name that is taken. Raises UsageError if the result is not usable either.
        """
        found, notes = [], []
        for launcher in launchers:
            why = commands.taken(launcher.name)
            name = f"{self.name}-{launcher.name}" if why else launcher.name
            if why:
                note = _("{place}: {reason}. The launcher will be {name} unless a profile sets its name.")
                notes.append(note.format(place=self._place(launcher), reason=why, name=name))
            found.append(replace(launcher, name=name))
        trouble = commands.trouble([launcher.name for launcher in found])
        if trouble:
            raise UsageError(
                f"{self._place(launchers[trouble[0]])}: {trouble[1]}.",
                advice=_("Add a launcher with another name and the same target to {profile}.").format(
                    profile=PROJECT_PROFILE
                ),
            )
        return found, tuple(notes)

    def _place(self, launcher: Launcher) -> str:
        return f"{PYPROJECT}: project.scripts.{launcher.name}" if self.origin == PYPROJECT else self.origin

    def without_help(self, launchers: Sequence[Launcher]) -> set[str]:
        """Return the names of launchers that open a window, which cannot be run with --help."""
        return {launcher.name for launcher in launchers if launcher.target in self.windows}


@dataclass(frozen=True)
class _Layout:
    """What a project runs and imports: scripts with their targets, modules that run with -m, top-level modules.

    ``windows`` are the scripts that open a window.
    """

    scripts: Mapping[str, str]
    runnable: Sequence[str]
    modules: Sequence[str]
    import_paths: Sequence[str]
    windows: Collection[str] = ()


def with_help(application: Application, without: Collection[str] = ()) -> Application:
    """Return the application with `NAME --help` as offline command of each launcher that nothing else starts on hosts.

    Launchers of ``without`` have no help.
    """
    tried = {command[0] for command in (*application.smoke, *application.offline_commands)} | set(without)
    for part in (application.dashboard, application.container):
        tried.update(part.command[:1] if part else ())
    asked = [(name, HELP) for name in application.commands if name not in tried]
    return replace(application, offline_commands=(*application.offline_commands, *asked)[:COMMANDS])


def stated_by(project_root: Path, wheel: OwnWheel | None = None, others: Sequence[Path] = ()) -> Stated:
    """Return what a project states about its application: by its own wheel, or by its source if it is not installed.

    Launchers are its scripts, or else packages that run with -m; the scripts of ``others``, folders of packages that
    are bundled too, are added. Raises UsageError if a project cannot be read or two have a script of one name.
    """
    project = read_project(project_root)
    table = project_table(project_root / "pyproject.toml")
    layout = (
        _layout_of_wheel(wheel, project.name, project_root)
        if wheel
        else _layout_of_source(project_root, project.name, table)
    )
    launchers = _entries(layout.scripts)
    if not launchers:
        launchers = [Launcher(name.replace("_", "-"), "module", name) for name in layout.runnable]
    launchers += _of_others(others, layout.scripts)
    return Stated(
        title=table["name"],
        name=project.name,
        launchers=tuple(launchers),
        core_imports=tuple(layout.modules),
        import_paths=tuple(layout.import_paths),
        template=template_in(project_root),
        windows=frozenset(one.target for one in launchers if one.name in layout.windows),
        extras={name: extras for name, target in layout.scripts.items() if (extras := _extras(target))},
    )


def template_in(project_root: Path) -> str | None:
    """Return the path of the settings template that a folder has, if any."""
    return ENV_TEMPLATE if (project_root / ENV_TEMPLATE).is_file() else None


def _scripts(table: dict[str, Any]) -> dict[str, str]:
    return {**(table.get("scripts") or {}), **(table.get("gui-scripts") or {})}


def _entries(scripts: Mapping[str, str]) -> list[Launcher]:
    return [Launcher(name, "entry", re.sub(r"\s|\[.*", "", str(target))) for name, target in scripts.items()]


def _extras(target: str) -> frozenset[str]:
    """Return the extras in the target of a script: ``module:function [extra,…]`` (PyPA, entry points)."""
    found = re.search(r"\[([^\]]*)\]", str(target))
    return frozenset(canonicalize_name(name.strip()) for name in found[1].split(",")) if found else frozenset()


def _of_others(others: Sequence[Path], taken: Mapping[str, str]) -> list[Launcher]:
    """Return the launchers of other packages.

    Raises BuildError if two packages have scripts of the same name that start different functions.
    """
    known, found = dict(taken), []
    for folder in others:
        scripts = _scripts(project_table(folder / "pyproject.toml"))
        both = sorted(name for name in scripts.keys() & known.keys() if scripts[name] != known[name])
        if both:
            raise BuildError(
                _("Two of the packages have a script named {name}.").format(name=both[0]),
                advice=_("Build them separately, or rename the script in one of them."),
            )
        found += _entries({name: target for name, target in scripts.items() if name not in known})
        known |= scripts
    return found


def _layout_of_source(project_root: Path, name: str, table: dict[str, Any]) -> _Layout:
    """Return the layout of a project that is not a package: its source is on the import path."""
    scripts = _scripts(table)
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    packages = top_level_packages(folder, None if apart else name, scripts)
    runnable = [package for package in packages if (folder / package / "__main__.py").is_file()]
    windows = tuple(table.get("gui-scripts") or ())
    return _Layout(scripts, runnable, packages, ["src" if apart else "."], windows)


def _layout_of_wheel(wheel: OwnWheel, name: str, project_root: Path) -> _Layout:
    """Return the layout of an installed project, with the modules named like it or started by its scripts.

    A module that a script starts but the wheel lacks is imported from the source, as an editable installation does.
    """
    started = {re.split(r"[.:]", target)[0].strip() for target in wheel.scripts.values()}
    wanted = {name.replace("-", "_"), *started}
    modules = [module for module in wheel.modules if module in wanted]
    modules = modules or [module for module in wheel.modules if module not in BESIDE]
    lacking = started.difference(wheel.modules)
    paths = [path for path in ("src", ".") if any(_has_module(project_root / path, module) for module in lacking)]
    return _Layout(wheel.scripts, wheel.runnable, modules, paths, wheel.windows)


def _has_module(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()
