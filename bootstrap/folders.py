"""Where a user's own files belong, as the platform has it.

On Windows the system itself is asked: platformdirs gives a short name (``KIM~1``) to a folder of a user whose name
has letters beyond Latin-1, and nobody knows his folder by that.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bootstrap.errors import HostError
from bootstrap.i18n import _


def user_data(tool: str) -> Path:
    """Return the folder for what a tool installs for its user: %LOCALAPPDATA% on Windows."""
    if sys.platform == "win32":  # pragma: no cover - Windows only
        from bootstrap import windows

        return windows.local_app_data() / tool
    import platformdirs

    return _below_home(platformdirs.user_data_dir(tool, appauthor=False))


def user_state(tool: str) -> Path:
    """Return the folder for what a tool remembers for its user; on Windows the same as for data."""
    if sys.platform == "win32":  # pragma: no cover - Windows only
        return user_data(tool)
    import platformdirs

    return _below_home(platformdirs.user_state_dir(tool, appauthor=False))


def user_cache(tool: str) -> Path:
    """Return the folder for what a tool can fetch again."""
    import platformdirs

    return _below_home(platformdirs.user_cache_dir(tool, appauthor=False))


def user_settings(tool: str) -> Path:
    """Return the folder for what a user has decided for himself; on Windows the same as for data."""
    if sys.platform == "win32":  # pragma: no cover - Windows only
        return user_data(tool)
    import platformdirs

    return _below_home(platformdirs.user_config_dir(tool, appauthor=False))


def _below_home(path: str) -> Path:
    """Return a path of the user's home; of a user who has none it would be a folder ``~`` of wherever he stands."""
    if not os.path.isabs(path) or os.environ.get("HOME") == "":  # an empty one stands for the root folder
        raise HostError(
            _("This user has no home folder: HOME is not set, and the host's list of users does not name one."),
            advice=_("Set HOME to a folder of this user, then run the same command again."),
        )
    return Path(path)
