#!/usr/bin/env python3
"""Start the installer of this bundle, but only when you vouch for it.

Nobody on this medium can vouch for the medium. Check ragtrace-install.pyz as shown, and type the first
row of its SHA-256 from the trust slip, which reached you another way: only then it runs.
    python3 install.py --digest "1a2b 3c4d 5e6f 7081" [options of install]
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "ragtrace-install.pyz"
ROW = 16  # digits: too many to make another file that begins with them
HOW = """\
Nothing has run yet. Check the installer with programs that this host has, in the folder that holds SHA256SUMS:
  Linux:    for s in SHA256SUMS.*.sig; do
            ssh-keygen -Y check-novalidate -n ragtrace-release@v1 -s "$s" < SHA256SUMS; done
            sha256sum -c SHA256SUMS
  macOS:    the same, with: shasum -a 256 -c SHA256SUMS
  Windows:  certutil -hashfile ragtrace-install.pyz SHA256
and compare fingerprints and SHA-256 with the trust slip that reached you another way than this medium.
When all is the same, run again with the first row of the slip's SHA-256:
  {python} "{script}" --digest "XXXX XXXX XXXX XXXX"
"""


def copy(source, target):
    """Copy a file and return the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with open(source, "rb") as file, open(target, "xb") as out:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            out.write(block)
    return digest.hexdigest()


def main(argv):
    zipapp = os.path.join(HERE, NAME)
    if not os.path.isfile(zipapp):
        sys.stderr.write("error: %s is missing: unpack the whole archive.\n" % zipapp)
        return 2
    given = "".join(argv[1].split()).lower() if len(argv) > 1 and argv[0] == "--digest" else ""
    if len(given) < ROW or given.strip("0123456789abcdef"):
        sys.stderr.write(HOW.format(python=os.path.basename(sys.executable), script=os.path.abspath(__file__)))
        return 3
    # the copy is what is hashed and what runs, so nobody can swap it in between
    private = tempfile.mkdtemp(prefix="ragtrace-")
    try:
        checked = os.path.join(private, NAME)
        if not copy(zipapp, checked).startswith(given):
            sys.stderr.write("error: its SHA-256 is another one: this is not the installer that was sent.\n")
            sys.stderr.write("  next: do not run it; ask the sender for the bundle again.\n")
            return 3
        return subprocess.call([sys.executable, checked, "install", os.path.dirname(HERE)] + argv[2:])
    finally:
        shutil.rmtree(private, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
