"""Make a statement: the origin, what is installed, the facts, the number; signed once the number is on the disk."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from bundle.digest import sha256_bytes
from bundle.manifest import MANIFEST_LIMIT, parse_manifest
from bundle.manifest import NAME as MANIFEST
from fleet.statement import (
    NAME_LIMIT,
    NAMESPACES,
    NONCE_LIMIT,
    SUFFIX,
    Installed,
    Origin,
    Statement,
    parse,
)
from installer.logs import audit_log
from installer.logs import statement_key as keys
from shared import __version__, reading
from shared.errors import RagtraceError, UsageError
from shared.i18n import _
from shared.terminal.console import printable

if TYPE_CHECKING:
    from bundle.signing.file_signer import FileSigner
    from fleet.statement import Facts
    from installer.layout.prefix import Prefix
    from installer.logs.identity import Identity

UNPLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Issued:
    """A statement, its bytes and their signature."""

    statement: Statement
    data: bytes
    signature: bytes

    @property
    def name(self) -> str:
        """A file name for it that no other installation has, nor a copy of this one with a key of its own."""
        origin = self.statement.origin
        plain = UNPLAIN.sub("_", origin.asset).lstrip(".")[:64] or "_"
        return f"{plain}-{origin.installation}-{origin.keyid}-{self.statement.kind}{SUFFIX}"


@dataclass(frozen=True)
class Speaker:
    """Who makes a statement: the installation, the key that signs, and the nonce of whoever asked, or ""."""

    prefix: Prefix
    identity: Identity
    signer: FileSigner
    nonce: str = ""

    @property
    def asset(self) -> str:
        """The name of the host for the centre: the asset name, else the host name."""
        return asset_of(self.identity)


def asset_of(identity: Identity) -> str:
    """Return the name under which a host is enrolled."""
    return identity.asset or identity.hostname


def require_nonce(text: str) -> str:
    """Return a nonce. Raises UsageError unless it is printable ASCII without spaces, and not too long."""
    if len(text) > NONCE_LIMIT or not all("!" <= letter <= "~" for letter in text):
        raise UsageError(
            _("The nonce is not usable."),
            advice=_("Use at most {limit} characters of ASCII, without spaces.").format(limit=NONCE_LIMIT),
        )
    return text


def installed_in(prefix: Prefix) -> Installed | None:
    """Return the active release, or None if there is none or its manifest is damaged."""
    release = prefix.active()
    if release is None:
        return None
    try:
        data = reading.read(release.bundle / MANIFEST, MANIFEST_LIMIT)
        product = parse_manifest(data).product
    except (OSError, RagtraceError):
        return None
    return Installed(product.name, product.version, product.counter, release.id, sha256_bytes(data))


def issue(speaker: Speaker, sha256: str, facts: Facts) -> Issued:
    """Sign a statement about a receipt or report with the next number of the installation."""
    prefix, identity = speaker.prefix, speaker.identity
    origin = Origin(
        asset=speaker.asset,
        hostname=identity.hostname,
        machine_id=identity.machine_id,
        installation=identity.installation or speaker.signer.key.keyid,
        prefix=short(str(prefix.root), 1024),
        keyid=speaker.signer.key.keyid,
        sequence=1,
        nonce=speaker.nonce,
        issued=datetime.now(timezone.utc),
    )
    head = _head(prefix)
    statement = Statement(origin, installed_in(prefix), __version__, head, sha256, facts)
    parse(statement.to_bytes(), statement.kind, statement.kind)  # before a number is used
    statement = replace(statement, origin=replace(origin, sequence=keys.next_number(prefix, identity)))
    data = statement.to_bytes()
    return Issued(statement, data, speaker.signer.sign(data, NAMESPACES[statement.kind]))


def _head(prefix: Prefix) -> str | None:
    try:
        return audit_log.head(prefix)
    except (OSError, RagtraceError):
        return None


def short(text: str, limit: int = NAME_LIMIT) -> str:
    """Return text as a line that the reader of statements takes: printable, not empty, cut to ``limit`` characters."""
    line = printable(text.encode("utf-8", "backslashreplace").decode("utf-8")).strip() or "-"
    return line if len(line) <= limit else line[: limit - 1] + "…"
