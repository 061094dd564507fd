"""Run a program and print its cost: [seconds, bytes of memory at its peak].

The parent is small, because a program's peak includes the memory that its parent had before (getrusage(2)).
"""

import json
import subprocess
import sys
import time


def main(argv: "list[str]") -> int:
    """Run the program, print its cost, and return its exit code as a shell reports it."""
    import resource

    started = time.perf_counter()
    code = subprocess.call(argv)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    sys.stdout.write("\nragtrace-answer " + json.dumps([seconds, peak]) + "\n")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
