"""The key of an installation: made on the host, never copied from it, it signs what the installation says of itself.

PREFIX/state/statements holds the private key (0600), its public key, and the last sequence number with the host and the
folder that the key was made for. A cloned image or a copied prefix has the same key: it is refused there, until
``statement key --renew`` makes a new one. Where both look the same to the host, the centre finds the key used twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bundle import strict
from bundle.signing.file_signer import FileSigner, public_key_of
from bundle.strict import Document, by
from shared import reading, troubles
from shared.errors import HostError, TrustError, UsageError
from shared.files import files
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bundle.signing.file_signer import PrivateKey
    from installer.layout.prefix import Prefix
    from installer.logs.identity import Identity

FOLDER, KEY, PUBLIC, LAST, LOCK = "statements", "key", "key.pub", "last.json", "lock"
KEY_LIMIT = 16 << 10  # bytes
LOCK_WAIT = 30.0  # seconds; it is held for a few small writes


@dataclass(frozen=True)
class Last(Document):
    """The last sequence number, and where it was used: the identity of the host and the folder of the prefix."""

    machine: str = field(metadata=by(strict.text))
    prefix: str = field(metadata=by(strict.text))
    sequence: int = field(metadata=by(strict.integer))

    def is_of(self, other: Last) -> bool:
        return (self.machine, self.prefix) == (other.machine, other.prefix)


@dataclass(frozen=True)
class OwnKey:
    """The signer of an installation, and whether it was made just now."""

    signer: FileSigner
    made: bool


def folder(prefix: Prefix) -> Path:
    """Return the folder of the key."""
    return prefix.state / FOLDER


def _here(prefix: Prefix, identity: Identity) -> Last:
    root = str(prefix.root).encode("utf-8", "backslashreplace").decode("utf-8")
    return Last(identity.machine_id or identity.hostname.lower(), root, 0)


def _held(prefix: Prefix) -> AbstractContextManager[None]:
    place = folder(prefix)
    if not place.is_dir():
        place.mkdir(mode=0o700)
        files.sync_folder(place.parent)
    return locked(place / LOCK, wait=LOCK_WAIT, inherited=False)


def own_key(prefix: Prefix, identity: Identity, *, renew: bool = False) -> OwnKey:
    """Return the key of an installation, made now if it has none; with ``renew``, a new one replaces it.

    Raises TrustError if the key was made for another host or folder, HostError if others can read it.
    """
    with _held(prefix):
        if renew or not _exists(prefix):
            return OwnKey(_make(prefix, identity), made=True)
        return OwnKey(_load(prefix, identity), made=False)


def _exists(prefix: Prefix) -> bool:
    return any(reading.is_regular(folder(prefix) / name) for name in (KEY, LAST))


def _make(prefix: Prefix, identity: Identity) -> FileSigner:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    private = ed25519.Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    signer = FileSigner(public_key_of(private), private)
    # the number first: a new key with the number of the old one is harmless, a key without a number is refused
    files.write_atomic(folder(prefix) / LAST, _here(prefix, identity).to_bytes(), mode=0o600)
    files.write_atomic(folder(prefix) / KEY, text, mode=0o600)
    files.write_atomic(folder(prefix) / PUBLIC, (signer.key.line(identity.hostname) + "\n").encode())
    return signer


def _load(prefix: Prefix, identity: Identity) -> FileSigner:
    path = folder(prefix) / KEY
    last, here = _last(prefix), _here(prefix, identity)
    if last is None or not last.is_of(here):
        where = f"{last.machine}, {last.prefix}" if last else "?"
        raise TrustError(
            _("{path} was made for another host or folder ({where}), so this is a copy of that installation.").format(
                path=path, where=where
            ),
            advice=_("Run 'statement key --renew' here, and enroll the new key for this host."),
        )
    if files.is_exposed(path):
        raise HostError(
            _("Other users of this host can read {path}.").format(path=path),
            advice=_("Run 'statement key --renew', and enroll the new key in place of this one."),
        )
    return _read_private(path)


def _read_private(path: Path) -> FileSigner:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        data = reading.read(path, KEY_LIMIT)
        private: PrivateKey = load_ssh_private_key(data, None)  # type: ignore[assignment] # checked by public_key_of
        return FileSigner(public_key_of(private), private)
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, path=path) from error
    except (ValueError, TypeError, UnsupportedAlgorithm, TrustError) as error:
        raise HostError(
            _("{path} is not a private key that can sign without a passphrase.").format(path=path),
            advice=_("Use an Ed25519 key; 'statement key --renew' makes one."),
        ) from error


def host_key(path: Path) -> FileSigner:
    """Return the SSH host key of this host, which only root can read. Raises UsageError if it is not private."""
    if files.is_exposed(path):
        raise UsageError(
            _("Other users of this host can read {path}.").format(path=path),
            advice=_("Specify a private host key, such as /etc/ssh/ssh_host_ed25519_key."),
        )
    return _read_private(path)


def _last(prefix: Prefix) -> Last | None:
    """Return the last number, or None if it is missing or damaged."""
    try:
        return Last.from_bytes(reading.read(folder(prefix) / LAST, reading.LINES), LAST, limit=reading.LINES)
    except (OSError, TrustError):
        return None


def next_number(prefix: Prefix, identity: Identity) -> int:
    """Record the next sequence number of an installation, and return it once it is on the disk."""
    with _held(prefix):
        here = _here(prefix, identity)
        last = _last(prefix)
        found = replace(here, sequence=(last.sequence if last else 0) + 1)
        files.write_atomic(folder(prefix) / LAST, found.to_bytes(), mode=0o600)
        return found.sequence


def paths(prefix: Prefix) -> Iterator[Path]:
    """Yield the files of the key."""
    yield from (folder(prefix) / name for name in (KEY, PUBLIC, LAST, LOCK))
