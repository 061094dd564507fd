#!/usr/bin/env python3
"""Repair the installation on this host from this bundle: run ``recover`` of 04_Scripts/ragtrace-install.pyz.

    python3 recovery-assistant.py --diagnosis FILE [options of recover]
Like install.py, whose code it uses, this runs nothing whose digest has not been confirmed.
"""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))  # the bundle's root folder, or 06_Verification in it
INSIDE = os.path.join(HERE, "04_Scripts")
SCRIPTS = INSIDE if os.path.isdir(INSIDE) else os.path.join(os.path.dirname(HERE), "04_Scripts")
sys.path.insert(0, SCRIPTS)
try:
    import install
except ImportError:
    sys.stderr.write("error: %r is missing: unpack the whole archive.\n" % os.path.join(SCRIPTS, "install.py"))
    sys.exit(2)

if __name__ == "__main__":
    root = install.signed_root()
    sys.exit(install.start(["recover"] + (["--bundle", root] if root else []), sys.argv[1:]))
