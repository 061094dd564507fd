"""Where a user's own files belong, as the platform has it.

On Windows the system itself is asked: platformdirs gives a short name (``KIM~1``) to a folder of a user whose name
has letters beyond Latin-1, and nobody knows his folder by that.
"""

from __future__ import annotations

import sys
from pathlib import Path


def user_data(tool: str) -> Path:
    """Return the folder for what a tool installs for its user: %LOCALAPPDATA% on Windows."""
    if sys.platform == "win32":  # pragma: no cover - Windows only
        from bootstrap import windows

        return windows.local_app_data() / tool
    import platformdirs

    return Path(platformdirs.user_data_dir(tool, appauthor=False))


def user_state(tool: str) -> Path:
    """Return the folder for what a tool remembers for its user; on Windows the same as for data."""
    if sys.platform == "win32":  # pragma: no cover - Windows only
        return user_data(tool)
    import platformdirs

    return Path(platformdirs.user_state_dir(tool, appauthor=False))


def user_settings(tool: str) -> Path:
    """Return the folder for what a user has decided for himself; on Windows the same as for data."""
    if sys.platform == "win32":  # pragma: no cover - Windows only
        return user_data(tool)
    import platformdirs

    return Path(platformdirs.user_config_dir(tool, appauthor=False))
