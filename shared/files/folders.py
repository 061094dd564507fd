"""Where a user's own files belong, as the platform has it.

On Windows the system itself is asked: platformdirs gives a short name (``KIM~1``) to a folder of a user whose name
has letters beyond Latin-1, and nobody knows his folder by that.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from shared.errors import HostError
from shared.i18n import _

TOOL = "ragtrace"  # the name of our own folders


def user_data(tool: str) -> Path:
    """Return the folder for what a tool installs for its user: %LOCALAPPDATA% on Windows."""
    return _of_user("data", tool)


def user_state(tool: str) -> Path:
    """Return the folder for what a tool remembers for its user; on Windows the same as for data."""
    return _of_user("state", tool)


def user_settings(tool: str) -> Path:
    """Return the folder for what a user has decided for himself; on Windows the same as for data."""
    return _of_user("config", tool)


def _of_user(kind: str, tool: str) -> Path:
    if sys.platform == "win32":  # pragma: no cover - Windows only
        from shared import windows

        return windows.local_app_data() / tool
    return _by_platformdirs(kind, tool)


def user_cache(tool: str) -> Path:
    """Return the folder for what a tool can fetch again."""
    return _by_platformdirs("cache", tool)


def _by_platformdirs(kind: str, tool: str) -> Path:
    import platformdirs

    return _below_home(getattr(platformdirs, f"user_{kind}_dir")(tool, appauthor=False))


def _below_home(path: str) -> Path:
    """Return a path of the user's home; of a user who has none it would be a folder ``~`` of wherever he stands."""
    if not os.path.isabs(path) or os.environ.get("HOME") == "":  # an empty one stands for the root folder
        raise HostError(
            _("This user has no home folder: HOME is not set, and the host's user database does not have one."),
            advice=_("Set HOME to a folder of this user, then run the same command again."),
        )
    return Path(path)
