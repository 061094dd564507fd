"""The one HTTP client of the builder: its time limits, whom it follows, whom a credential is for, what is asked again.

Downloads, index pages, advisories and huggingface_hub (by its own hook) all send through it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from builder.fetch.credentials import authorization, origin, redact
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from builder.fetch.credentials import Bearer, Login

FILES = httpx2.Timeout(60.0, connect=20.0)  # seconds; a mirror may fetch a large file before its first byte
ANSWERS = httpx2.Timeout(30.0, connect=20.0)  # seconds, for pages and APIs
ATTEMPTS = 6  # in a row without progress
REDIRECTS = 10
LONGEST_PAUSE = 30.0  # seconds, also of what a server asks for by Retry-After
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
T = TypeVar("T")


class TransientError(Exception):
    """Worth another attempt. ``wait`` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unreachable = unreachable


class RedirectError(Exception):
    """A redirect that is not followed. ``target`` is where it leads, empty after too many."""

    def __init__(self, host: str, target: str = "") -> None:
        super().__init__(f"{host}: {redact(target) or 'too many redirects'}")
        self.host = host
        self.target = target

    def explained(self, file: str) -> BuildError:
        """Return the error for a file that was to be fetched."""
        if not self.target:
            return BuildError(_("{file}: too many redirects from {host}.").format(file=file, host=self.host))
        parts = urlsplit(self.target)
        return BuildError(
            _("{file}: {host} redirects from https to a URL without it ({target}).").format(
                file=file, host=self.host, target=f"{parts.scheme}://{parts.hostname}"
            ),
            advice=_("Use an index or hub that does not redirect away from https."),
        )


class Client(httpx2.Client):
    """Sends requests by the builder's rules, whoever made them.

    - A credential goes to the origin of the first URL alone, and only one that is for it.
    - A redirect never leaves https, except for this machine itself. ``plain=False`` refuses http from http, too.
    - Every request has the client's time limit, whatever a library asks for.

    Raises BuildError where the shell's network settings are not valid.
    """

    def __init__(
        self, logins: Sequence[Bearer | Login] = (), *, timeout: httpx2.Timeout = FILES, plain: bool = True
    ) -> None:
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they log whole URLs, signed queries too
        self.logins = logins
        self.plain = plain
        try:
            super().__init__(timeout=timeout, follow_redirects=False)
        except (OSError, ValueError, httpx2.InvalidURL) as error:
            raise BuildError(
                _("The network settings of this shell are not valid: {reason}.").format(reason=redact(str(error))),
                advice=_("Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."),
            ) from None

    def open(self, url: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """Return the answer to a GET, its body still to be read. Raises RedirectError, and httpx2's own errors."""
        return self.send(self.build_request("GET", url, headers=headers), stream=True)

    def send(
        self, request: httpx2.Request, *, stream: bool = False, auth: Any = None, follow_redirects: Any = True
    ) -> httpx2.Response:
        """Send a request and what it is redirected to."""
        del auth, follow_redirects  # the rules are ours
        first = str(request.url)
        header = authorization(first, self.logins)
        for _hop in range(REDIRECTS):
            request.headers.pop("Authorization", None)
            if header and origin(str(request.url)) == origin(first):
                request.headers["Authorization"] = header
            request.extensions = {**request.extensions, "timeout": self.timeout.as_dict()}
            response = super().send(request, stream=True, auth=None, follow_redirects=False)
            if response.next_request is None:
                return response if stream else _whole(response)
            response.close()
            self._check_redirect(request.url, response.next_request.url)
            request = response.next_request
        raise RedirectError(urlsplit(first).hostname or "?")

    def _check_redirect(self, old: httpx2.URL, new: httpx2.URL) -> None:
        stays = self.plain and old.scheme == "http" and new.scheme == "http"
        if not new.host or not (stays or is_safe(str(new))):
            raise RedirectError(old.host, str(new))


def _whole(response: httpx2.Response) -> httpx2.Response:
    try:
        response.read()
    finally:
        response.close()
    return response


def is_safe(url: str) -> bool:
    """Return whether nobody on the way can alter what a URL gives: https, or this machine itself."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no IPv6 address
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def require_ready(response: httpx2.Response) -> None:
    """Raise TransientError for a status that another attempt may change, with the wait that the server asks for."""
    if response.status_code in RETRIED:
        asked = response.headers.get("Retry-After", "")
        raise TransientError(
            f"HTTP {response.status_code} {response.reason_phrase}".rstrip(), float(asked) if asked.isdecimal() else 0.0
        )


def reason_of(error: Exception) -> str:
    """Return why a request failed, without credentials."""
    return redact(str(error)) or type(error).__name__


def pause_after(failures: int, asked: float = 0.0) -> float:
    """Return how long to wait before the next attempt, in seconds; ``asked`` is the server's wish."""
    return min(LONGEST_PAUSE, max(asked, 0.25 * 2.0**failures))


def retried(question: Callable[[], T], attempts: int, pause: Callable[[float], object]) -> T:
    """Return what a question gives, asked again after httpx2's errors and TransientError, which is raised at last.

    A ``pause`` that returns true ends it.
    """
    failures = 0
    while True:
        try:
            return question()
        except TransientError as error:
            trouble = error
        except httpx2.HTTPError as error:
            trouble = TransientError(reason_of(error))
            trouble.__cause__ = error
        failures += 1
        if failures >= attempts or pause(pause_after(failures, trouble.wait)):
            raise trouble
