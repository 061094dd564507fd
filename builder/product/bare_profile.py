"""The default profile where there is no project table: for a script, or for a folder with a lockfile alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder.project.profile import Profile, as_usage, check_application, shadows
from builder.project.project import has_src_layout, top_level_packages
from bundle.names import PLAIN, plain_form
from bundle.product import commands
from bundle.product.application import Application, Launcher, require_names
from bundle.product.environment import Environment
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def script_profile(project_root: Path, script: Path, name: str | None) -> Profile:
    """Return the profile of a script: its only file and its only command. ``name`` is the product's (default: its own).

    Raises UsageError if no command can be named after the script.
    """
    inside = script.relative_to(project_root).as_posix()
    launcher = Launcher(script.stem.replace("_", "-"), "script", inside)
    return _profile(project_root, name or script.stem, [launcher], {"include": (inside,)})


def folder_profile(project_root: Path, name: str | None) -> Profile:
    """Return the profile of a folder without a project table: its packages that run with -m are its commands.

    Raises UsageError without a name, or if no command can be named after a package.
    """
    if not name:
        raise UsageError(
            _("{folder} has no project table and no profile, so the product has no name.").format(folder=project_root),
            advice=_("Specify it with --name, or as name in a profile."),
        )
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    runnable = [one for one in top_level_packages(folder, None, {}) if (folder / one / "__main__.py").is_file()]
    launchers = [Launcher(one.replace("_", "-"), "module", one) for one in runnable]
    return _profile(
        project_root, name, launchers, {"core_imports": runnable, "import_paths": ["src" if apart else "."]}
    )


def _profile(project_root: Path, name: str, launchers: Sequence[Launcher], more: dict[str, Any]) -> Profile:
    trouble = commands.trouble([launcher.name for launcher in launchers])
    if trouble or not PLAIN.fullmatch(name):
        what = f"{launchers[trouble[0]].name}: {trouble[1]}" if trouble else f"{name}: {plain_form()}"
        raise UsageError(
            _("The names cannot be used: {reason}.").format(reason=what),
            advice=_("Specify a name for the product with --name, or write a profile that names its commands."),
        )
    value = {
        "launchers": [launcher.to_json() for launcher in launchers],
        "environment": Environment().to_json(),
        "core_imports": more.get("core_imports", []),
        "import_paths": more.get("import_paths", ["."]),
        "persist": [],
        "smoke": [],
        "dashboard": None,
        "thresholds": {},
        "migration": None,
        "cpu_level": 1,
        "lazy_imports": [],
    }
    path = project_root / name
    with as_usage(path):
        application = Application.from_json(value, path.name)
        require_names(application, path.name)
        check_application(application, path.name, project_root)
    notes = tuple(shadows(application, path.name))
    return Profile(title=name, application=application, include=more.get("include", ()), notes=notes)
