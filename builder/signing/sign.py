"""Create signatures like ``ssh-keygen -Y sign``: from a key file, or by ssh-keygen for agents and hardware keys."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bundle.signing.file_signer import FileSigner, public_key_of
from bundle.signing.signature import (
    ECDSA,
    ED25519,
    SIGNATURES_LIMIT,
    PublicKey,
    parse_public_key,
    verify,
)
from shared import troubles
from shared.errors import RagtraceError, ToolError, TrustError, UsageError
from shared.files import temp_folders
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bundle.signing.file_signer import PrivateKey

KEY_FILE_LIMIT = 64 << 10  # bytes


class Signer(Protocol):
    """An object that signs with one key."""

    @property
    def key(self) -> PublicKey:
        """The public key that verifies the signatures."""

    def sign(self, message: bytes, namespace: str) -> bytes:
        """Return an armoured SSHSIG signature of a message."""


@dataclass(frozen=True)
class KeygenSigner:
    """A signer that runs ``ssh-keygen -Y sign``, for a key in an agent or in the hardware that the file names.

    ssh-keygen inherits the terminal, to ask for a PIN, a passphrase or a touch; SSH_ASKPASS and the agent work too.
    """

    key: PublicKey
    path: Path

    def sign(self, message: bytes, namespace: str) -> bytes:
        what = _("Signing with {path}").format(path=self.path)
        with temp_folders.scratch() as private:
            file = private / "message"
            file.write_bytes(message)
            argv = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(self.path), "-n", namespace, str(file)]
            code = process.attend(argv, env=os.environ)
            if code:
                raise ToolError(
                    _("{what} failed: ssh-keygen exited with code {code}.").format(what=what, code=code),
                    advice=_("Check the output of ssh-keygen above; `ssh-add -l` lists the keys in an agent."),
                )
            armoured = file.with_name("message.sig").read_bytes()
        if verify(armoured, message, namespace, name=what) != self.key:
            raise ToolError(_("{what} returned a signature by another key.").format(what=what))
        return armoured


def generate_key(path: Path, passphrase: bytes | None, *, comment: str = "ragtrace") -> PublicKey:
    """Write a new Ed25519 key pair, ``path`` (0600, encrypted if a passphrase is given) and ``path.pub``.

    Raises UsageError if either file exists or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    public_path = public_file(path)
    private = ed25519.Ed25519PrivateKey.generate()
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase)
    text = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection)
    key = public_key_of(private)
    require_new(path)
    _write_new(path, text, 0o600)
    _write_new(public_path, (key.line(comment) + "\n").encode(), 0o644)
    return key


def signature_of(path: Path, key: PublicKey) -> Path:
    """Return the path of a key's signature for a file. Raises UsageError if that would be one too many."""
    signature = path.with_name(f"{path.name}.{key.keyid}.sig")
    beside = [name for name in os.listdir(path.parent) if name.startswith(f"{path.name}.") and name.endswith(".sig")]
    if len({*beside, signature.name}) > SIGNATURES_LIMIT:
        raise too_many_signatures(signature)
    return signature


def too_many_signatures(path: Path) -> UsageError:
    """Return the error for a signature beyond the number that hosts accept."""
    return UsageError(
        _("{path} would exceed the limit of {limit} signatures.").format(path=path, limit=SIGNATURES_LIMIT),
        advice=_("Sign with fewer keys."),
    )


def require_new(path: Path) -> None:
    """Raise UsageError if a private key or its public key file exists."""
    for place in (path, public_file(path)):
        if os.path.lexists(place):
            raise UsageError(
                _("{path} already exists and is not overwritten.").format(path=place),
                advice=_("Specify another file, or move that one to a safe place."),
            )


def public_file(path: Path) -> Path:
    """Return the path of the public key file of a private key."""
    return path.with_name(path.name + ".pub")


def _write_new(path: Path, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        wanted = _("Specify a file in an existing folder that you can write to.")
        raise troubles.trouble(error, troubles.WRITING, path=path, kind=UsageError, wanted=wanted) from error


def load_signer(path: Path, passphrase: Callable[[], bytes | None]) -> Signer:
    """Return a signer for a private key file, or for a ``.pub`` file whose key ssh-keygen can reach.

    ``passphrase`` is called only for an encrypted key. Raises UsageError if the file is missing, a private
    key is readable by other users, the key type is not supported, or the passphrase is missing or wrong.
    """
    data = _read(path)
    if path.suffix == ".pub":
        return KeygenSigner(_read_public(path, data), path)
    _check_private(path)
    private = _decrypt(path, data, passphrase)
    return FileSigner(public_key_of(private), private)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(KEY_FILE_LIMIT + 1)
    except OSError as error:
        wanted = _("Specify a key file, or create one with the builder's keygen command.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    if len(data) > KEY_FILE_LIMIT:
        raise _not_a_key(path)
    return data


def read_public_key(path: Path) -> PublicKey:
    """Return the key of a ``.pub`` file. Raises UsageError if the file is missing or not a supported public key."""
    return _read_public(path, _read(path))


def _read_public(path: Path, data: bytes) -> PublicKey:
    try:
        return parse_public_key(data.decode("utf-8", "replace"))
    except TrustError as error:
        raise UsageError(_("{path}: {reason}").format(path=path, reason=error.what), advice=error.advice) from error


def _check_private(path: Path) -> None:
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        raise UsageError(
            _("Other users of this machine can read the private key {path}.").format(path=path),
            advice=_("Run `chmod 600 {path}`, and check whether others may have read it.").format(path=path),
        )


def _decrypt(path: Path, data: bytes, passphrase: Callable[[], bytes | None]) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    secret: bytes | None = None
    try:
        try:
            private = load_ssh_private_key(data, None)
        except TypeError:  # cryptography raises it if a passphrase is needed
            secret = passphrase()
            if not secret:
                raise _needs_passphrase(path) from None
            private = load_ssh_private_key(data, secret)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise (_wrong_passphrase(path) if secret else _not_a_key(path)) from error
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        return private
    raise _not_a_key(path)


def _needs_passphrase(path: Path) -> RagtraceError:
    return UsageError(
        _("The key {path} is encrypted and no passphrase was given.").format(path=path),
        advice=_("Run the command in a terminal, or set RAGTRACE_KEY_PASSPHRASE."),
    )


def _wrong_passphrase(path: Path) -> RagtraceError:
    return UsageError(
        _("The passphrase does not decrypt the key {path}.").format(path=path),
        advice=_("Enter the passphrase again; if it is correct, the file is damaged."),
    )


def _not_a_key(path: Path) -> RagtraceError:
    return UsageError(
        _("{path} is not an OpenSSH private key of type {kinds}.").format(path=path, kinds=f"{ED25519}, {ECDSA}"),
        advice=_(
            "Create a key with the builder's keygen command; for a key in hardware or an agent, specify its .pub file."
        ),
    )
