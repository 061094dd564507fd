"""Load libraries by their names, as torch does when it is imported, and answer which cannot be loaded.

In a process of its own: what is loaded once stays.
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
    """Answer in a line of its own."""
    answer = [name for name in names if is_missing(name)]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
