"""The default profile for an application that has none: what its pyproject.toml, folders and own wheel state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.project.profile import Profile, as_usage, check_application, environment_of, shadows
from builder.project.stated import stated_by, with_help
from bundle.product.application import Application, require_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from builder.project.own_wheel import OwnWheel


def default_profile(project_root: Path, wheel: OwnWheel | None = None, others: Sequence[Path] = ()) -> Profile:
    """Return a profile derived from the project's wheel or, without one, from pyproject.toml and the layout.

    The scripts of ``others``, folders of packages that are bundled too, become launchers as well. Raises UsageError if
    the project cannot be read or the profile would be invalid.
    """
    stated = stated_by(project_root, wheel, others)
    path = project_root / "pyproject.toml"
    launchers, renamed = stated.launchers_beside(())
    value = {
        "launchers": [launcher.to_json() for launcher in launchers],
        "environment": environment_of({"template": stated.template}, "environment", project_root),
        "core_imports": list(stated.core_imports),
        "import_paths": list(stated.import_paths),
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
    files = (project_root / stated.template,) if stated.template else ()
    notes = (*renamed, *shadows(application, path.name))
    application = with_help(application, stated.without_help(launchers))
    return Profile(title=stated.title, application=application, files=files, notes=notes)
