"""Whom a credential is for, and how it stays out of what people read."""

from __future__ import annotations

import base64
import netrc
import os
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from bootstrap.errors import BuildError
from bootstrap.i18n import _


@dataclass(frozen=True)
class Bearer:
    """A token that goes to one origin (scheme, host and port) only."""

    origin: str
    token: str = field(repr=False)


def redact(text: str) -> str:
    """Return a text without the credentials and query strings of URLs in it."""
    return re.sub(r"(://[^\s?'\"]*)\?[^\s'\"]*", r"\1", re.sub(r"://[^\s/]*@", "://", text))


def origin(url: str) -> str:
    """Return a URL's scheme, host and port."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def authorization(url: str, bearer: Bearer | None) -> str | None:
    """Return the Authorization header for a URL: its own userinfo, the token of its origin, or netrc's."""
    parts = urlsplit(url)
    if parts.username is not None:
        return _basic(unquote(parts.username), unquote(parts.password or ""))
    if bearer is not None and origin(url) == origin(bearer.origin):
        return f"Bearer {bearer.token}"
    known = _netrc().authenticators(parts.hostname or "") if _netrc_path() else None
    return _basic(known[0], known[2]) if known else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _netrc_path() -> str | None:
    places = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    return next((path for path in map(os.path.expanduser, places) if os.path.isfile(path)), None)


def _netrc() -> netrc.netrc:
    path = _netrc_path()
    try:
        return netrc.netrc(path)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        # its text may hold a password, so it goes nowhere
        raise BuildError(
            _("{path} cannot be read as a netrc file.").format(path=path),
            advice=_("Mend or remove it, and keep it readable by you alone (mode 0600)."),
        ) from None
