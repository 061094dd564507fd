"""Makes former_release.tar.gz: a bundle of the tiny application, and a prefix with two releases of it.

It was run by CPython 3.11 on x86_64 Linux as root, in a checkout of commit 0159655, whose code is all that it uses::

    git worktree add /tmp/checkout 0159655
    cp tests/former/make_release.py /tmp/checkout && cd /tmp/checkout && python make_release.py former_release.tar.gz

The interpreter is named by a link (PYTHON) that the tests make again, because an installation records that name.
"""

# mypy: ignore-errors
# the modules that it imports are those of the former release
from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PYTHON = Path("/tmp/ragtrace-tests-python")
SIGNER, OWNER = "signer", "owner"
NOTE = "noted by the former release\n"


def write_key(folder: Path, name: str) -> Path:
    """Write the key pair of a name, the same one each time, and return the private key's file."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"tests: {name}".encode()).digest())
    path = folder / name
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    path.with_suffix(".pub").write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n")
    return path


def main(output: Path) -> None:
    """Build, install, note, upgrade and back up as a host does, and pack what there is then."""
    sys.path.insert(0, os.getcwd())
    from bootstrap.bundle.signature import parse_public_key
    from bootstrap.trust.places import Places
    from builder.sign import load_signer

    from bootstrap import cli
    from bootstrap.api import here
    from tests import policies, tiny

    PYTHON.symlink_to(os.path.realpath(sys.base_prefix))
    sys._base_executable = str(PYTHON / "bin/python3")
    with tempfile.TemporaryDirectory() as name:
        folder, made = Path(name), Path(name, "made")
        signer, owner = write_key(folder, SIGNER), write_key(folder, OWNER)
        keys = {path.name: parse_public_key(path.with_suffix(".pub").read_text()) for path in (signer, owner)}
        places = Places(made / "trust", folder / "user", folder, privileged=True, owner=os.geteuid())
        here.host_places = lambda: places
        policy = policies.make_policy(1, [keys[SIGNER]], [keys[OWNER]])
        file = policies.lay(folder / "policy", policy, load_signer(owner, lambda: None))
        first = tiny.tiny_bundle(folder / "first", key=signer)
        second = tiny.tiny_bundle(
            folder / "second",
            counter=tiny.COUNTER + 1,
            version="1.1.0",
            sources={"src/helper.py": "HELP = 2\n"},
            packages={"tiny-text": ("0.4.0", {"tiny_text/__init__.py": "def words(text):\n    return text.split()\n"})},
            key=signer,
        )
        prefix = made / "prefix"
        commands = (
            ("trust", "update", str(file), "--trust-key", str(owner.with_suffix(".pub")), "--yes"),
            ("install", str(first.folder), "--prefix", str(prefix)),
            ("backup", "--prefix", str(prefix)),
            ("install", str(second.folder), "--prefix", str(prefix)),
            ("trust", "accept-memory", "--yes", "--prefix", str(prefix)),
            ("validate", "--prefix", str(prefix)),
        )
        for words in commands:
            assert cli.main(list(words)) == 0, words
            if prefix.exists():
                (prefix / ".env").write_text("TINY_API_KEY=k\n")
                (prefix / "data" / "data" / "notes.txt").write_text(NOTE)
        shutil.copytree(second.folder, made / "bundle")
        with tarfile.open(output, "w:gz") as archive:
            archive.add(made, arcname=".")
    PYTHON.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
