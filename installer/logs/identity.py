"""The identity of an installation, for its reports and receipts.

A name or an ID alone does not distinguish hosts: containers of one image share a machine ID, chroots a host name, and
clones a prefix. An identity has all of them, and the asset name that the operator set.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bundle import strict
from bundle.strict import Document, Value, by
from installer.logs import audit_log, host
from installer.logs.runlog import LOG
from shared import reading
from shared.errors import RagtraceError, UsageError
from shared.files import files
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix

NAME = "identity.json"
ASSET_LIMIT = 100  # characters


_ASSET = partial(strict.text, limit=ASSET_LIMIT)


def _check_asset(name: str | None, path: str) -> None:
    """Refuse an asset name with characters that hide or reorder others."""
    if name is not None and (not name.isprintable() or name != name.strip()):
        raise strict.refuse(f"{path}.asset", _("not a printable line"))


@dataclass(frozen=True)
class Identity(Value):
    """The host name, the hash of the machine ID, the prefix's own identifier, and the asset name.

    The last three are None if the host has no machine ID, if nothing is installed, and if the operator set no name.
    """

    hostname: str = field(metadata=by(strict.text, limit=host.HOSTNAME_LIMIT))
    machine_id: str | None = field(metadata=by(strict.optional, of=strict.text))
    installation: str | None = field(metadata=by(strict.optional, of=strict.text))
    asset: str | None = field(metadata=by(strict.optional, of=_ASSET))

    def check(self, path: str) -> None:
        _check_asset(self.asset, path)

    def line(self) -> str:
        """Return the identity as a human-readable line."""
        parts = [
            self.hostname,
            _("asset {name}").format(name=self.asset) if self.asset else "",
            _("machine {id}").format(id=self.machine_id) if self.machine_id else "",
            _("installation {id}").format(id=self.installation) if self.installation else "",
        ]
        return ", ".join(filter(None, parts))

    def is_same_host(self, other: Identity) -> bool:
        """Return whether both are of one host and prefix; the asset name may have been set in between."""
        known = (self.installation, other.installation)
        return (self.hostname.lower(), self.machine_id) == (other.hostname.lower(), other.machine_id) and (
            None in known or known[0] == known[1]
        )


@dataclass(frozen=True)
class Stored(Document):
    """The part of the identity that PREFIX/state/identity.json stores."""

    installation: str = field(metadata=by(strict.text))
    asset: str | None = field(default=None, metadata=by(strict.optional, of=_ASSET, added=True))

    def check(self, path: str) -> None:
        _check_asset(self.asset, path)


def asset_name(text: str) -> str:
    """Parse the operator's asset name; an empty one removes the stored name. Raises UsageError if it is unsuitable."""
    name = text.strip()
    if len(name) > ASSET_LIMIT or not name.isprintable():
        raise UsageError(
            _("{name} is not an asset name.").format(name=ascii(text)[:80]),
            advice=_("Use one line of at most {limit} characters.").format(limit=ASSET_LIMIT),
        )
    return name


def identity_of(prefix: Prefix | None) -> Identity:
    """Return the identity of this host and, if there is one, of the installation in a prefix."""
    stored = read(prefix) if prefix is not None else None
    return Identity(
        hostname=host.hostname(),
        machine_id=host.machine_id(),
        installation=stored.installation if stored else None,
        asset=stored.asset if stored else None,
    )


def path_in(prefix: Prefix) -> Path:
    """Return the file that stores the identity of a prefix."""
    return prefix.state / NAME


def read(prefix: Prefix) -> Stored | None:
    """Return what a prefix stores, or None if it stores nothing that can be read."""
    try:
        return Stored.from_bytes(reading.read(path_in(prefix), reading.LINES), NAME, limit=reading.LINES)
    except FileNotFoundError:
        return None
    except (OSError, RagtraceError) as error:
        LOG.warning("%s: %s", path_in(prefix), error)
        return None


def settle(prefix: Prefix, asset: str | None = None) -> None:
    """Store the identifier of a prefix unless it has one, and an asset name if one is given; the lock must be held.

    A new name is recorded in the audit log.
    """
    stored = read(prefix)
    wanted = stored or Stored(secrets.token_hex(8))
    if asset is not None:
        wanted = replace(wanted, asset=asset or None)
    if wanted == stored:
        return
    files.write_atomic(path_in(prefix), wanted.to_bytes(), mode=0o600)
    if asset is not None:
        audit_log.append(prefix, "asset", "done", asset=asset)


def set_asset(prefix: Prefix, asset: str) -> None:
    """Store an asset name, if it differs from the stored one, while holding the lock."""
    stored = read(prefix)
    if stored is None or stored.asset != (asset or None):
        with locked(prefix.lock_file):
            settle(prefix, asset)
