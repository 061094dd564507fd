"""The name by which the builder was started: ``ragtrace-builder``, or ``python -m builder`` in a checkout."""

from __future__ import annotations

import sys
from pathlib import PurePath

INSTALLED = "ragtrace-builder"


def program() -> str:
    """Return the program name for help and advice."""
    return INSTALLED if PurePath(sys.argv[0]).stem == INSTALLED else "python -m builder"
