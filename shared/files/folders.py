"""The platform's folders for a user's own files.

On Windows the system is queried directly: if a user name has letters beyond Latin-1, platformdirs returns the short
name (``KIM~1``) of that user's folder, which the user would not recognize.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from shared.errors import HostError
from shared.i18n import _

TOOL = "ragtrace"  # the name of this tool's own folders


def user_data(tool: str) -> Path:
    """Return the folder for applications that a tool installs for its user: %LOCALAPPDATA% on Windows."""
    return _of_user("data", tool)


def user_state(tool: str) -> Path:
    """Return the folder for a tool's per-user state; on Windows the same as for data."""
    return _of_user("state", tool)


def user_settings(tool: str) -> Path:
    """Return the folder for a user's own settings; on Windows the same as for data."""
    return _of_user("config", tool)


def _of_user(kind: str, tool: str) -> Path:
    if sys.platform == "win32":  # pragma: no cover - Windows only
        from shared import windows

        return windows.local_app_data() / tool
    return _by_platformdirs(kind, tool)


def user_cache(tool: str) -> Path:
    """Return the folder for files that a tool can fetch again."""
    return _by_platformdirs("cache", tool)


def _by_platformdirs(kind: str, tool: str) -> Path:
    import platformdirs

    return _below_home(getattr(platformdirs, f"user_{kind}_dir")(tool, appauthor=False))


def _below_home(path: str) -> Path:
    """Return a path in the user's home. Raises HostError if there is none, because ``~`` would be taken literally."""
    if not os.path.isabs(path) or os.environ.get("HOME") == "":  # an empty HOME means the root folder
        raise HostError(
            _("This user has no home folder: HOME is not set, and the host's user database does not have one."),
            advice=_("Set HOME to a folder of this user, then run the same command again."),
        )
    return Path(path)
