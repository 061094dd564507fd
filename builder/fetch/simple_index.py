"""Querying an index for data about a project's files that the lockfile lacks (PEP 503, PEP 691, PEP 740)."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from builder.fetch.client import ANSWERS, Client, RedirectError, TransientError, require_ready, retried
from builder.fetch.credentials import origin, redact
from shared.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.fetch.credentials import Bearer, Login

ATTEMPTS = 3
PAGE_LIMIT = 32 << 20  # bytes; the longest pages were about 20 MB in 2026
LONGEST = 120.0  # seconds for one complete response, however slowly it arrives
STATUS = "pypi:project-status"  # the name of the state in an HTML page (PEP 792)
JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


# why an index gave no answer about a file
UNANSWERED, UNREADABLE, NOT_LISTED, OTHER_DIGEST = ("unanswered", "unreadable", "not-listed", "other-digest")


class UnansweredError(Exception):
    """An index was unreachable or gave no usable response. The message is the host and the reason, without secrets.

    ``code`` is the reason in a word: UNANSWERED or another of those above.
    """

    def __init__(self, message: str, code: str = UNANSWERED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Offer:
    """A file that an index offers: its SHA-256 and the URL of its provenance (PEP 740), each None if not listed.

    ``yanked`` is the reason for which it was yanked (PEP 592), possibly empty, or None if it was not.
    """

    sha256: str | None
    provenance: str | None
    yanked: str | None = None


@dataclass(frozen=True)
class Page:
    """What an index says about a project: its files by name, and its state and the reason (PEP 792), or empty."""

    offers: dict[str, Offer]
    status: str = ""
    reason: str = ""


class SimpleIndex:
    """A client for the pages and small files of indexes. ``stop`` ends the wait between two attempts.

    A host that could not be reached is not tried again.
    """

    def __init__(self, logins: Sequence[Bearer | Login], stop: threading.Event) -> None:
        self.stop = stop
        self.unreachable: dict[str, str] = {}
        self.parsing = threading.Lock()  # one page at a time: parsing takes a multiple of its size in memory
        try:
            self.client = Client(logins, timeout=ANSWERS)
        except BuildError as error:
            raise UnansweredError(error.what.rstrip(".")) from None

    def close(self) -> None:
        self.client.close()

    def page(self, index: str, project: str) -> Page:
        """Return what an index says about a project. Raises UnansweredError."""
        url = f"{index.rstrip('/')}/{project}/"
        kind, data = self.get(url, PAGE_LIMIT, ACCEPT)
        try:
            with self.parsing:
                is_json = kind.partition(";")[0] == JSON
                return _of_json(json.loads(data), url) if is_json else _of_html(data.decode(), url)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UnansweredError(f"{urlsplit(url).hostname}: no page of a simple index") from error

    def get(self, url: str, limit: int, accept: str = "*/*") -> tuple[str, bytes]:
        """Return a response's content type and body. Raises UnansweredError, also if it exceeds ``limit`` bytes."""
        try:
            place = origin(url)
            if place in self.unreachable:
                raise UnansweredError(self.unreachable[place])
            return retried(lambda: self._answer(url, limit, accept), ATTEMPTS, self.stop.wait)
        except TransientError as error:
            self.unreachable[place] = f"{urlsplit(url).hostname}: {error}"
            raise UnansweredError(self.unreachable[place]) from error
        except (httpx2.InvalidURL, ValueError) as error:
            raise UnansweredError(f"{redact(url)}: {redact(str(error))}") from error

    def _answer(self, url: str, limit: int, accept: str) -> tuple[str, bytes]:
        """Return one response. Raises httpx2.HTTPError or TransientError if a retry may succeed."""
        host = urlsplit(url).hostname
        try:
            with closing(self.client.open(url, {"Accept": accept})) as response:
                require_ready(response)
                if response.status_code != 200:
                    raise UnansweredError(f"{host}: HTTP {response.status_code}")
                return response.headers.get("Content-Type", ""), _read(response, limit)
        except RedirectError as error:
            scheme = urlsplit(error.target).scheme
            reported = f"redirects from https to {scheme}" if scheme else "too many redirects"
            raise UnansweredError(f"{host}: {reported}") from error


def _read(response: httpx2.Response, limit: int) -> bytes:
    data, end = bytearray(), time.monotonic() + LONGEST
    for block in response.iter_bytes():
        data += block
        if time.monotonic() > end:
            raise UnansweredError(f"{response.url.host}: no complete response within {LONGEST:.0f} s")
        if len(data) > limit:
            raise UnansweredError(f"{response.url.host}: a response of more than {limit} bytes")
    return bytes(data)


def _of_json(page: Any, url: str) -> Page:
    """Read a JSON page (PEP 691); the key ``provenance`` is defined by PEP 740, ``project-status`` by PEP 792."""
    offers = {
        str(file["filename"]): Offer(
            file.get("hashes", {}).get("sha256"),
            urljoin(url, file["provenance"]) if file.get("provenance") else None,
            _yanked(file.get("yanked", False)),
        )
        for file in page["files"]
    }
    status = page.get("project-status")
    status = status if isinstance(status, dict) else {}
    return Page(offers, _text(status.get("status")), _text(status.get("reason")))


def _yanked(value: Any) -> str | None:
    """Return the reason of a file's key ``yanked``: false, true or the reason itself (PEP 691)."""
    return _text(value) if value else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _of_html(text: str, url: str) -> Page:
    """Read an HTML page (PEP 503); the attribute ``data-provenance`` is defined by PEP 740, the ``meta`` by PEP 792."""
    page = _Anchors(url)
    page.feed(text)
    page.close()
    return Page(page.offers, page.told.get(STATUS, ""), page.told.get(f"{STATUS}-reason", ""))


class _Anchors(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.offers: dict[str, Offer] = {}
        self.told: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta" and values.get("name"):
            self.told[values["name"] or ""] = values.get("content") or ""
        if tag != "a" or not values.get("href"):
            return
        parts = urlsplit(values["href"] or "")
        algorithm, _equals, digest = parts.fragment.partition("=")
        provenance = values.get("data-provenance")
        self.offers[unquote(parts.path.rpartition("/")[2])] = Offer(
            digest if algorithm == "sha256" else None,
            urljoin(self.url, provenance) if provenance else None,
            values["data-yanked"] or "" if "data-yanked" in values else None,
        )
