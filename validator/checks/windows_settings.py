"""Helper for checks that only apply to Windows."""

from __future__ import annotations

import sys

from shared.i18n import _
from validator.check import SKIP, UncheckedError

HERE = sys.platform == "win32"


def need_windows() -> None:
    """Raise UncheckedError unless this system is Windows."""
    if not HERE:
        raise UncheckedError(SKIP, _("applies to Windows only"))
