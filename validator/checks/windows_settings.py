"""What Windows keeps in its registry, for the checks that have a meaning there alone; nothing is ever written."""

from __future__ import annotations

import sys
from typing import Any

from shared.i18n import _
from validator.check import SKIP, UncheckedError

HERE = sys.platform == "win32"
MACHINE, USER = "HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"


def need_windows() -> None:
    """Raise UncheckedError on any other system."""
    if not HERE:
        raise UncheckedError(SKIP, _("only Windows has it"))


def read_value(hive: str, key: str, name: str) -> Any:
    """Return a value of a key, None where it is not set; raises OSError where it may not be read."""
    if sys.platform != "win32":
        return None
    import winreg  # pragma: no cover - only on Windows

    try:  # pragma: no cover - only on Windows
        with winreg.OpenKey(getattr(winreg, hive), key) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except FileNotFoundError:  # pragma: no cover - only on Windows
        return None


def value_names(hive: str, key: str) -> list[str] | None:
    """Return the names of a key's values, None where there is no such key; raises OSError where it may not be read."""
    if sys.platform != "win32":
        return None
    import winreg  # pragma: no cover - only on Windows

    try:  # pragma: no cover - only on Windows
        with winreg.OpenKey(getattr(winreg, hive), key) as opened:
            _keys, count, _changed = winreg.QueryInfoKey(opened)
            return [winreg.EnumValue(opened, place)[0] for place in range(count)]
    except FileNotFoundError:  # pragma: no cover - only on Windows
        return None
