#!/usr/bin/env python3
"""Start the installer of this bundle, but only when you vouch for it.

Nobody on this medium can vouch for the medium. Compare the SHA-256 of ragtrace-install.pyz with the
digest that reached you another way, and type its first group of four: only then it runs.
    python3 install.py --digest 1a2b [options of install]
"""

import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ZIPAPP = os.path.join(HERE, "ragtrace-install.pyz")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def main(argv):
    if not os.path.isfile(ZIPAPP):
        sys.stderr.write("error: %s is missing: unpack the whole archive.\n" % ZIPAPP)
        return 2
    digest = sha256(ZIPAPP)
    groups = " ".join(digest[i : i + 4] for i in range(0, 64, 4))
    sys.stderr.write("SHA-256 of ragtrace-install.pyz:\n  %s\n" % groups)
    if argv[:1] != ["--digest"] or len(argv) < 2:
        sys.stderr.write(
            "Compare it with the digest that the sender gave you another way than this medium.\n"
            "When all of it is the same, run again with its first group:\n"
            "  %s %s --digest XXXX\n" % (os.path.basename(sys.executable), os.path.abspath(__file__))
        )
        return 3
    given = argv[1].replace(" ", "").lower()
    if len(given) < 4 or not digest.startswith(given):
        sys.stderr.write("error: the digest is another one: this is not the installer that was sent.\n")
        return 3
    return subprocess.call([sys.executable, ZIPAPP, "install", os.path.dirname(HERE)] + argv[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
