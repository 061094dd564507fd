"""Print an interpreter's properties as JSON: [implementation, [major, minor, micro], whether it is free-threaded]."""

import json
import sys
import sysconfig


def main() -> None:
    """Print the properties on a line that starts with ``ragtrace-answer``."""
    is_free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    answer = [sys.implementation.name, list(sys.version_info[:3]), is_free_threaded]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
