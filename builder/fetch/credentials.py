"""Credentials: the origin that each is sent to, and their removal from messages and logs."""

from __future__ import annotations

import base64
import netrc
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from shared import troubles
from shared.errors import BuildError, ToolError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from builder.project.project import UvSettings

KEYRING_USER = "oauth2accesstoken"  # the user name that uv uses if an index has none
KEYRING_TIME_LIMIT = 60.0  # seconds; it may prompt the user


@dataclass(frozen=True)
class Bearer:
    """A token that is sent to one origin (scheme, host and port) only."""

    origin: str
    token: str = field(repr=False)

    @property
    def header(self) -> str:
        return f"Bearer {self.token}"


@dataclass(frozen=True)
class Login:
    """A user name and password for an index, sent to its origin only."""

    origin: str
    username: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        return _basic(self.username, self.password)


def redact(text: str) -> str:
    """Remove credentials and query strings from the URLs in a string."""
    return re.sub(r"(://[^\s?'\"]*)\?[^\s'\"]*", r"\1", re.sub(r"://[^\s/]*@", "://", text))


def origin(url: str) -> str:
    """Return a URL's scheme, host and port."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def authorization(url: str, logins: Sequence[Bearer | Login] = ()) -> str | None:
    """Return the Authorization header for a URL from its userinfo, its origin's login or netrc, or None."""
    parts = urlsplit(url)
    if parts.username is not None:
        return _basic(unquote(parts.username), unquote(parts.password or ""))
    for login in logins:
        if origin(url) == origin(login.origin):
            return login.header
    known = _netrc().authenticators(parts.hostname or "") if _netrc_path() else None
    return _basic(known[0], known[2]) if known else None


def index_logins(settings: UvSettings, environ: Mapping[str, str]) -> tuple[Login, ...]:
    """Return the logins that uv would use for the project's indexes: UV_INDEX_<NAME>_* first, then keyring.

    Raises BuildError if keyring is required and cannot be run.
    """
    provider = environ.get("UV_KEYRING_PROVIDER") or settings.keyring_provider
    logins = []
    for index in settings.indexes:
        parts = urlsplit(index.url)
        prefix = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", index.name.upper())
        username = environ.get(f"{prefix}_USERNAME") or unquote(parts.username or "")
        password = environ.get(f"{prefix}_PASSWORD") or unquote(parts.password or "")
        if not password and provider == "subprocess" and (username or index.authenticate == "always"):
            username, password = _keyring(index.url, parts.hostname or "", username)
        if password:
            logins.append(Login(origin(index.url), username, password))
    return tuple(logins)


def _keyring(url: str, host: str, username: str) -> tuple[str, str]:
    """Return user and password from ``keyring``, queried as uv does: for the index URL, then for its host.

    Both are empty if it has none.
    """
    user = username or KEYRING_USER
    for service in (redact(url), host):
        try:
            done = process.run(["keyring", "get", service, user], timeout=KEYRING_TIME_LIMIT)
        except ToolError as error:
            raise BuildError(
                _("Cannot run keyring, which has the password for {host}.").format(host=host),
                advice=_("Install keyring, or set UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD."),
            ) from error
        if done.ok and done.stdout.strip():
            return user, done.stdout.strip("\r\n")
    return "", ""


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _netrc_path() -> str | None:
    places = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    return next((path for path in map(os.path.expanduser, places) if os.path.isfile(path)), None)


def _netrc() -> netrc.netrc:
    path = _netrc_path()
    try:
        return netrc.netrc(path)
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, near=path, kind=BuildError) from None
    except (netrc.NetrcParseError, UnicodeDecodeError):
        # the text of this error may contain a password, so it is not shown
        raise BuildError(
            _("{path} cannot be read as a netrc file.").format(path=path),
            advice=_("Fix or remove it, and make it readable only by you (mode 0600)."),
        ) from None
