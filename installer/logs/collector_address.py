"""The address of a log collector: how it is reached, and the files by which it and this host know each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from shared.errors import UsageError
from shared.i18n import _

UDP, TCP, TLS, RELP, RELP_TLS = "udp", "tcp", "tls", "relp", "relp+tls"
SCHEMES = (UDP, TCP, TLS, RELP, RELP_TLS)
UDP_LIMIT, TCP_LIMIT = 2048, 8192  # bytes of a message; receivers should accept the first (RFC 5424, 6.1)
HEADER = 400  # maximum bytes of a message before its line
PORT_LIMIT = 65535
FILES = ("ca", "cert", "key")  # PEM: who signed the collector's certificate; this host's certificate and its key


@dataclass(frozen=True)
class Address:
    """The address of a collector; the files are absolute paths, or empty."""

    host: str
    port: int
    scheme: str = UDP
    ca: str = ""
    cert: str = ""
    key: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        named = "&".join(f"{name}={quote(getattr(self, name))}" for name in FILES if getattr(self, name))
        return f"{self.scheme}://{host}:{self.port}{'?' if named else ''}{named}"

    @property
    def short(self) -> str:
        """The address without the files."""
        return str(self).partition("?")[0]

    @property
    def is_stream(self) -> bool:
        """Whether messages are sent over a connection."""
        return self.scheme != UDP

    @property
    def is_encrypted(self) -> bool:
        return self.scheme in (TLS, RELP_TLS)

    @property
    def is_relp(self) -> bool:
        return self.scheme in (RELP, RELP_TLS)

    @property
    def limit(self) -> int:
        """The maximum length of a line, in bytes."""
        return (TCP_LIMIT if self.is_stream else UDP_LIMIT) - HEADER


def parse_address(text: str) -> Address:
    """Parse ``HOST:PORT`` (UDP) or ``SCHEME://HOST:PORT``, for TLS with ``?ca=FILE&cert=FILE&key=FILE``.

    Raises UsageError if it is invalid.
    """
    try:
        parts = urlsplit(text if "://" in text else f"{UDP}://{text}")
        host, port = parts.hostname or "", parts.port or 0
        plain = parts.netloc == parts.netloc.rpartition("@")[2] and not (parts.path or parts.fragment)
        host.encode("idna")  # what a name would be asked for by
        named = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _invalid(text) from None
    if not (host and 0 < port <= PORT_LIMIT and plain and parts.scheme in SCHEMES):
        raise _invalid(text)
    files = {name: os.path.abspath(path) for name, path in named if path and "\0" not in path}
    address = Address(host, port, parts.scheme)
    known = len(files) == len(named) and files.keys() <= set(FILES) and ("cert" in files or "key" not in files)
    if (files and not address.is_encrypted) or not known:
        raise _invalid(text)
    return Address(host, port, parts.scheme, **files)


def _invalid(text: str) -> UsageError:
    return UsageError(
        _("{text} is not a valid log collector address.").format(text=ascii(text)[:80]),
        advice=_("Use HOST:PORT or tcp://HOST:PORT, for TLS tls://HOST:PORT?ca=FILE&cert=FILE&key=FILE."),
    )
