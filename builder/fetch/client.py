"""The only HTTP client of the builder: its time limits, redirects, credentials and retries.

Downloads, index pages, advisories and huggingface_hub (through its own hook) all use it.
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

FILES = httpx2.Timeout(60.0, connect=20.0)  # seconds; a mirror may fetch a large file before sending a byte
ANSWERS = httpx2.Timeout(30.0, connect=20.0)  # seconds, for pages and APIs
ATTEMPTS = 6  # consecutive ones without progress
REDIRECTS = 10
LONGEST_PAUSE = 30.0  # seconds; also the most that a server's Retry-After can request
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
T = TypeVar("T")


class TransientError(Exception):
    """An error that another attempt may resolve. ``wait`` is the delay that the server requested, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unreachable = unreachable


class RedirectError(Exception):
    """A redirect that is not followed. ``target`` is its URL, or empty after too many redirects."""

    def __init__(self, host: str, target: str = "") -> None:
        super().__init__(f"{host}: {redact(target) or 'too many redirects'}")
        self.host = host
        self.target = target

    def explained(self, file: str) -> BuildError:
        """Return the error for a file that cannot be fetched because of this redirect."""
        if not self.target:
            return BuildError(_("{file}: too many redirects from {host}.").format(file=file, host=self.host))
        parts = urlsplit(self.target)
        return BuildError(
            _("{file}: {host} redirects to a URL that is not safe ({target}).").format(
                file=file, host=self.host, target=f"{parts.scheme}://{parts.hostname}"
            ),
            advice=_("Use an index or hub that does not redirect away from https."),
        )


class Client(httpx2.Client):
    """A client that sends all requests by the builder's rules, including those of libraries.

    - A credential is sent only to the origin of the first URL, and only if it is for that origin.
    - A redirect never leaves https, except to this machine itself. ``plain=False`` also refuses http to http.
    - Every request has the client's time limit, whatever a library specifies.

    Raises BuildError if the shell's network settings are not valid.
    """

    def __init__(
        self, logins: Sequence[Bearer | Login] = (), *, timeout: httpx2.Timeout = FILES, plain: bool = True
    ) -> None:
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they log complete URLs, including signed queries
        self.logins = logins
        self.plain = plain
        try:
            super().__init__(timeout=timeout, follow_redirects=False)
        except (OSError, ValueError, httpx2.InvalidURL) as error:
            raise BuildError(
                _("The network settings in this shell's environment are not valid: {reason}.").format(
                    reason=redact(str(error))
                ),
                advice=_("Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."),
            ) from None

    def open(self, url: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """Return the response to a GET, its body not yet read. Raises RedirectError or an error of httpx2."""
        return self.send(self.build_request("GET", url, headers=headers), stream=True)

    def send(
        self, request: httpx2.Request, *, stream: bool = False, auth: Any = None, follow_redirects: Any = True
    ) -> httpx2.Response:
        """Send a request and follow its redirects. Raises RedirectError if one is not allowed or there are too many."""
        del auth, follow_redirects  # this client has its own rules
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
    """Return whether the response to a URL cannot be modified in transit: https, or this machine itself."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets without an IPv6 address
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def require_ready(response: httpx2.Response) -> None:
    """Raise TransientError, with the delay that the server requests, if another attempt may succeed."""
    if response.status_code in RETRIED:
        asked = response.headers.get("Retry-After", "")
        raise TransientError(
            f"HTTP {response.status_code} {response.reason_phrase}".rstrip(), float(asked) if asked.isdecimal() else 0.0
        )


def reason_of(error: Exception) -> str:
    """Return the reason for a failed request, without credentials."""
    return redact(str(error)) or type(error).__name__


def pause_after(failures: int, asked: float = 0.0) -> float:
    """Return the seconds to wait before the next attempt; ``asked`` is the delay that the server requested."""
    return min(LONGEST_PAUSE, max(asked, 0.25 * 2.0**failures))


def retried(question: Callable[[], T], attempts: int, pause: Callable[[float], object]) -> T:
    """Return the result of a call, retried after TransientError and errors of httpx2.

    Raises TransientError after the last attempt, or when ``pause`` returns true.
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
