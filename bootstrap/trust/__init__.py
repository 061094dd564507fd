"""Whom this host trusts, and what it remembers of what it has accepted.

ownership → places → chain (policies) and memory (counters) → authority (who judges) → admission (may
this bundle be installed here and now).
"""

from __future__ import annotations

import os
from pathlib import Path


def zipapp() -> Path | None:
    """Return the zipapp that this code runs from (its launcher says so), or None in a source tree."""
    named = os.environ.get("RAGTRACE_ZIPAPP")
    return Path(named) if named else None
