"""The builder as an installed command; its code is in the folder ``tree``, as in a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TREE = Path(__file__).parent / "tree"


def main() -> int:
    """Run the builder's command line and return its exit code."""
    sys.path.insert(0, os.fspath(TREE))
    try:
        from builder.cli import main as run
    except KeyboardInterrupt:  # the imports take noticeable time
        return 130
    return run()
