"""Answer what an interpreter is: [implementation, its three numbers, whether it has no global lock]."""

import json
import sys
import sysconfig


def main() -> None:
    """Answer in a line of its own."""
    is_free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    answer = [sys.implementation.name, list(sys.version_info[:3]), is_free_threaded]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
