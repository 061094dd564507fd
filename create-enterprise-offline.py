#!/usr/bin/env python3
"""Build the bundles of a project: ``python -m builder build`` from any folder, with all of its options.

    python create-enterprise-offline.py --project-root . --output-dir ./packages [--verbose]
The interpreter of this checkout's .venv is taken where it is there; a link to this file does the same.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(HERE, ".venv")
OWN = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
ADVICE = "  next: run `python3 tools/setup_env.py` in %s, then this again.\n"


def main(argv):
    """Run the builder and return its exit code."""
    if os.path.exists(OWN) and os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        child = subprocess.Popen([OWN, os.path.realpath(__file__)] + argv)
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the child's
                continue
    if sys.version_info < (3, 11):
        sys.stderr.write("error: Python %d.%d is too old: the builder needs 3.11 or later.\n" % sys.version_info[:2])
        sys.stderr.write(ADVICE % HERE)
        return 4
    sys.path.insert(0, HERE)
    try:
        from builder import cli
    except ImportError as error:
        sys.stderr.write("error: %s is not installed for %s.\n" % (error.name, sys.executable))
        sys.stderr.write(ADVICE % HERE)
        return 4
    return cli.main(["build"] + argv)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # the builder's imports take a moment
        sys.exit(130)
