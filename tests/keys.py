"""Signing in tests: ssh-keygen where it is installed, and hardware keys played by software ones."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bundle.signing.signature import ECDSA, ED25519, SK_ECDSA, SK_ED25519, PublicKey, encode, mpint, signed_data, wire

if TYPE_CHECKING:
    from pathlib import Path
ALL_KINDS = (ED25519, ECDSA, SK_ED25519, SK_ECDSA)
needs_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def keygen(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen to its end."""
    argv = ["ssh-keygen", *map(str, arguments)]
    return subprocess.run(argv, input=stdin, capture_output=True, timeout=30, check=False)


def keygen_accepts(folder: Path, armoured: bytes, message: bytes, namespace: str) -> bool:
    """Whether ``ssh-keygen -Y check-novalidate`` takes a signature."""
    path = folder / "candidate.sig"
    path.write_bytes(armoured)
    return keygen("-Y", "check-novalidate", "-n", namespace, "-s", path, stdin=message).returncode == 0


@dataclass
class SoftKey:
    """A key of any kind that we accept, in memory; of ``sk-`` kinds every field can be chosen."""

    kind: str
    application: bytes = b"ssh:"
    flags: int = 0x01
    counter: int = 7

    def __post_init__(self) -> None:
        self.is_ecdsa = self.kind in (ECDSA, SK_ECDSA)
        self.is_hardware = self.kind in (SK_ED25519, SK_ECDSA)
        self.ecdsa = ec.generate_private_key(ec.SECP256R1())
        self.ed25519 = ed25519.Ed25519PrivateKey.generate()

    @property
    def point(self) -> bytes:
        if self.is_ecdsa:
            return self.ecdsa.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return self.ed25519.public_key().public_bytes_raw()

    @property
    def key(self) -> PublicKey:
        curve = [b"nistp256"] if self.is_ecdsa else []
        application = [self.application] if self.is_hardware else []
        return PublicKey(self.kind, wire(self.kind.encode(), *curve, self.point, *application))

    def sign(self, message: bytes, namespace: str, hash_name: str = "sha512") -> bytes:
        return encode(self.key, namespace, hash_name, self.blob(signed_data(namespace, hash_name, message)))

    def blob(self, data: bytes) -> bytes:
        tail = b""
        if self.is_hardware:
            tail = bytes([self.flags]) + self.counter.to_bytes(4, "big")
            data = hashlib.sha256(self.application).digest() + tail + hashlib.sha256(data).digest()
        if not self.is_ecdsa:
            return wire(self.kind.encode(), self.ed25519.sign(data)) + tail
        r, s = utils.decode_dss_signature(self.ecdsa.sign(data, ec.ECDSA(hashes.SHA256())))
        return wire(self.kind.encode(), wire(mpint(r), mpint(s))) + tail
