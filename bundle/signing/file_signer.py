"""Signatures with a private key in memory, byte for byte like those of ``ssh-keygen -Y sign``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from bundle.signing.signature import (
    HASHES,
    PublicKey,
    encode,
    mpint,
    parse_public_key,
    signed_data,
    verify,
    wire,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    PrivateKey = Union[Ed25519PrivateKey, EllipticCurvePrivateKey]

HASH = HASHES[0]


@dataclass(frozen=True, repr=False)
class FileSigner:
    """A signer with a private key read from a file."""

    key: PublicKey
    private: PrivateKey

    def sign(self, message: bytes, namespace: str) -> bytes:
        """Return an armoured SSHSIG signature of a message."""
        data = signed_data(namespace, HASH, message)
        armoured = encode(self.key, namespace, HASH, wire(self.key.kind.encode(), self._raw(data)))
        # a faulty signature can reveal the private key and must not be published, so verify it first
        verify(armoured, message, namespace)
        return armoured

    def _raw(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return wire(mpint(r), mpint(s))


def public_key_of(private: PrivateKey) -> PublicKey:
    """Return the public key of a private key. Raises TrustError if its type is not supported."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return parse_public_key(private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
