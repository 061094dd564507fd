"""The default profile for an application that has none: what its pyproject.toml, folders and own wheel state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.project.env_template import environment_of
from builder.project.profile import Profile, check_application, shadows
from builder.project.stated import stated_by, with_help
from builder.project.toml_file import as_usage
from bundle.product.application import Application, require_names
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from builder.project.stated import Stated


def default_profile(project_root: Path, stated: Stated | None = None) -> Profile:
    """Return the profile of what a project states (default: what its pyproject.toml and folders state).

    Raises UsageError if the project cannot be read or the profile would be invalid.
    """
    stated = stated or stated_by(project_root)
    if not stated.title:
        raise UsageError(
            _("{folder} has no project table and no profile, so the product has no name.").format(folder=project_root),
            advice=_("Specify it with --name, or as name in a profile."),
        )
    path = project_root / stated.origin
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
    return Profile(title=stated.title, application=application, include=stated.include, files=files, notes=notes)
