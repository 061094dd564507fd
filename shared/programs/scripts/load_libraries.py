"""Load libraries by name, as torch does when it is imported, and print a JSON list of those that cannot be loaded.

This runs in a separate process because libraries stay loaded.
"""

import ctypes
import json
import sys


def is_missing(name: str) -> bool:
    """Return whether a library cannot be loaded."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return True
    return False


def main(names: "list[str]") -> None:
    """Load the libraries, and print the names that failed on a line that starts with ``ragtrace-answer``."""
    answer = [name for name in names if is_missing(name)]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
