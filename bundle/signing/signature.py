"""OpenSSH signatures (PROTOCOL.sshsig), read strictly: each has exactly one accepted encoding.

The accepted signatures are a subset of those that ``ssh-keygen -Y check-novalidate`` accepts, so that an
operator can check everything before any code of this tool runs. Numbers and strings are those of RFC 4251,
key and signature blobs of RFC 8709 (Ed25519), RFC 5656 (ECDSA) and OpenSSH's PROTOCOL.u2f (sk-).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, ECDSA = "ssh-ed25519", "ecdsa-sha2-nistp256"
SK_ED25519, SK_ECDSA = "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"
KINDS = (ED25519, ECDSA, SK_ED25519, SK_ECDSA)
HASHES = ("sha512", "sha256")
SIGNATURE_LIMIT = 16 << 10  # bytes of an armoured signature; the longest valid one is under 2 kB
SIGNATURES_LIMIT = 32  # of one document; no threshold and no builder exceeds it
KEY_LIMIT = 4 << 10  # characters of a public key's line
_MAGIC = b"SSHSIG"
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_COLUMNS = 70  # sshbuf_dtob64 of OpenSSH
_USER_PRESENT, _USER_VERIFIED = 0x01, 0x04  # flags of an authenticator (WebAuthn 6.1)
_APPLICATION = re.compile(rb"ssh:[!-~]{0,251}")
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-5
_ED25519_PRIME = 2**255 - 19
# y of the points whose order divides 8 (curve of RFC 8032, 5.1): anyone can sign with such a key
_ED25519_WEAK = (
    0,
    1,
    _ED25519_PRIME - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    _ED25519_PRIME - 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
)


@dataclass(frozen=True)
class PublicKey:
    """A signer's public key: its type and its SSH wire blob."""

    kind: str
    blob: bytes

    @property
    def keyid(self) -> str:
        """The first 16 hex digits of the blob's SHA-256, as in ``SHA256SUMS.<keyid>.sig``."""
        return hashlib.sha256(self.blob).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ``ssh-keygen -l`` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def point(self) -> bytes:
        """The key without type and application: two keys with the same point have the same owner."""
        return _split_key(self.blob)[1]

    def line(self, comment: str = "") -> str:
        """Return the key in OpenSSH's one-line form, without a newline."""
        return " ".join(part for part in (self.kind, base64.b64encode(self.blob).decode(), comment) if part)


def wire(*strings: bytes) -> bytes:
    """Return RFC 4251 strings, each preceded by its length."""
    return b"".join(len(string).to_bytes(4, "big") + string for string in strings)


def mpint(value: int) -> bytes:
    """Return the content of an RFC 4251 mpint for a non-negative number."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b""


def signed_data(namespace: str, hash_name: str, message: bytes) -> bytes:
    """Return the bytes that a signer signs for a message (PROTOCOL.sshsig, 'Signed Data')."""
    return _MAGIC + wire(namespace.encode(), b"", hash_name.encode(), hashlib.new(hash_name, message).digest())


def encode(key: PublicKey, namespace: str, hash_name: str, signature: bytes) -> bytes:
    """Return an armoured signature file, byte for byte as ssh-keygen writes it.

    ``signature`` is the signature blob: the algorithm's name, followed by the algorithm's output.
    """
    parts = wire(key.blob, namespace.encode(), b"", hash_name.encode(), signature)
    text = base64.b64encode(_MAGIC + (1).to_bytes(4, "big") + parts)
    lines = (text[index : index + _COLUMNS] + b"\n" for index in range(0, len(text), _COLUMNS))
    return _BEGIN + b"".join(lines) + _END


class _MalformedError(Exception):
    """The reason why some bytes are malformed, in words for the operator."""


class _Reader:
    """Consumes RFC 4251 values from the front of a byte string; ``done`` refuses trailing bytes."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, count: int) -> bytes:
        if count > len(self.left):
            raise _MalformedError(_("it is truncated"))
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def done(self) -> None:
        if self.left:
            raise _MalformedError(_("it has trailing bytes"))


def _split_key(blob: bytes) -> tuple[str, bytes, bytes]:
    """Return the type, point and application (empty except for sk-) of a key blob, after checking them."""
    reader = _Reader(blob)
    name = reader.string()
    kind = next((kind for kind in KINDS if kind.encode() == name), None)
    if kind is None:
        shown = name[:80].decode("ascii", "replace")
        raise _MalformedError(_("key type {kind!r} is not supported").format(kind=shown))
    if kind in (ECDSA, SK_ECDSA) and reader.string() != b"nistp256":
        raise _MalformedError(_("the curve of its key is not nistp256"))
    point = reader.string()
    application = reader.string() if kind in (SK_ED25519, SK_ECDSA) else b""
    reader.done()
    if kind in (SK_ED25519, SK_ECDSA) and not _APPLICATION.fullmatch(application):
        raise _MalformedError(_("the application of its hardware key is not of the form ssh:name"))
    check = _ecdsa_key if kind in (ECDSA, SK_ECDSA) else _ed25519_key
    check(point)
    return kind, point, application


def _ed25519_key(point: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if len(point) != 32:
        raise _MalformedError(_("its key is not 32 bytes long"))
    y = int.from_bytes(point, "little") & (2**255 - 1)
    if y >= _ED25519_PRIME or y in _ED25519_WEAK:
        raise _MalformedError(_("its key is not in canonical form, or so weak that anybody can sign with it"))
    return ed25519.Ed25519PublicKey.from_public_bytes(point)


def _ecdsa_key(point: bytes) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    if len(point) != 65 or point[0] != 4:
        raise _MalformedError(_("its key is not an uncompressed point"))
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise _MalformedError(_("its key is not a point on the curve")) from error


def parse_public_key(line: str) -> PublicKey:
    """Parse a key in OpenSSH's one-line form, with or without comment and final newline.

    Raises TrustError if the key is of another type, has options before it, or is invalid.
    """
    try:
        text = line.removesuffix("\n")
        words = text.split(" ", 2)
        if len(text) > KEY_LIMIT or len(words) < 2 or not text.isprintable():
            raise _MalformedError(_("it is not one line with a type and a key"))
        blob = _decode_base64(words[1].encode("utf-8", "replace"))
        if base64.b64encode(blob).decode() != words[1]:
            raise _MalformedError(_("its base64 is not canonical"))
        kind, _point, _application = _split_key(blob)
        if kind != words[0]:
            raise _MalformedError(_("its type does not match its key"))
    except _MalformedError as error:
        raise TrustError(
            _("The public key {line!r} is not valid: {reason}.").format(line=line[:100], reason=error),
            advice=_("Specify the line of a .pub file whose type is one of {kinds}.").format(kinds=", ".join(KINDS)),
        ) from error
    return PublicKey(kind, blob)


def _decode_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _MalformedError(_("it is not base64")) from error


def verify(armoured: bytes, message: bytes, namespace: str, *, name: str = "") -> PublicKey:
    """Return the key that signed a message for a namespace.

    The policy decides whether that key is trusted. ``name`` is the signature's file, named in
    the error. Raises TrustError with the first rule that the signature breaks.
    """
    try:
        return _verify(armoured, message, namespace)
    except _MalformedError as error:
        raise TrustError(
            _("{name}: the signature is not valid: {reason}.").format(name=name or _("signature"), reason=error),
            advice=_("Transfer the file and its signature again from their origin; do not use them as they are."),
        ) from error


def _verify(armoured: bytes, message: bytes, namespace: str) -> PublicKey:
    # 1. the armour
    if len(armoured) > SIGNATURE_LIMIT:
        raise _MalformedError(_("it is larger than {limit} bytes").format(limit=SIGNATURE_LIMIT))
    if not armoured.startswith(_BEGIN) or not armoured.endswith(b"\n" + _END):
        raise _MalformedError(_("it does not begin and end like an SSH signature"))
    reader = _Reader(_decode_base64(armoured[len(_BEGIN) : -len(_END)].replace(b"\n", b"")))
    # 2. the envelope
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise _MalformedError(_("its content is not an SSH signature"))
    if reader.number() != 1:
        raise _MalformedError(_("its version is not 1"))
    blob, scope, reserved, hash_bytes, signature = (reader.string() for _field in range(5))
    reader.done()
    # 3. its purpose
    if not namespace or scope != namespace.encode():
        shown = scope[:80].decode("utf-8", "replace")
        raise _MalformedError(
            _("its namespace is {found!r}, not {namespace!r}").format(found=shown, namespace=namespace)
        )
    if reserved:
        raise _MalformedError(_("its reserved field is not empty"))
    hash_name = next((known for known in HASHES if known.encode() == hash_bytes), None)
    if hash_name is None:
        raise _MalformedError(_("its hash algorithm is neither sha512 nor sha256"))
    # 4. the key, and 5. the only encoding of all of it
    key = PublicKey(_split_key(blob)[0], blob)
    if encode(key, namespace, hash_name, signature) != armoured:
        raise _MalformedError(_("it is not in the format that ssh-keygen writes"))
    # 6. the signature itself
    _check_signature(key, signature, signed_data(namespace, hash_name, message))
    return key


def _check_signature(key: PublicKey, signature: bytes, data: bytes) -> None:
    kind, point, application = _split_key(key.blob)
    reader = _Reader(signature)
    if reader.string() != kind.encode():
        raise _MalformedError(_("its algorithm does not match its key"))
    value = reader.string()
    if kind in (SK_ED25519, SK_ECDSA):
        flags, counter = reader.take(1), reader.take(4)
        if not flags[0] & _USER_PRESENT:
            raise _MalformedError(_("the hardware key was not touched when signing"))
        if flags[0] & ~(_USER_PRESENT | _USER_VERIFIED):
            raise _MalformedError(_("its hardware key set unknown flags"))
        data = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(data).digest()
    reader.done()
    from cryptography.exceptions import InvalidSignature

    check = _check_ecdsa if kind in (ECDSA, SK_ECDSA) else _check_ed25519
    try:
        check(point, value, data)
    except InvalidSignature as error:
        raise _MalformedError(_("it does not match the file: one of the two was modified")) from error


def _check_ed25519(point: bytes, value: bytes, data: bytes) -> None:
    if len(value) != 64:
        raise _MalformedError(_("an Ed25519 signature has 64 bytes, not {count}").format(count=len(value)))
    _ed25519_key(point).verify(value, data)


def _check_ecdsa(point: bytes, value: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    reader = _Reader(value)
    r, s = (_positive(reader.string()) for _number in range(2))
    reader.done()
    _ecdsa_key(point).verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))


def _positive(content: bytes) -> int:
    value = int.from_bytes(content, "big")
    if not 0 < value < _P256_ORDER or mpint(value) != content:
        raise _MalformedError(_("it contains a number that is out of range or not in canonical form"))
    return value
