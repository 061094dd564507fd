"""An export of advisories from its address or a mirror. Nothing names its digest: it must be a whole zip file."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx2

from builder.fetch.credentials import authorization, origin, redact
from builder.fetch.download import LOOPBACK, REDIRECTS, TIMEOUT
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from shared.terminal.progress import Progress

# where OSV publishes the records of one ecosystem (google.github.io/osv.dev/data)
ADDRESS = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
SIZE_LIMIT = 2 << 30  # bytes; the real one of 2026 has some 30 MB


def fetch_export(url: str, target: Path, progress: Progress) -> None:
    """Write an export to a file. Raises UsageError for an address of another kind, BuildError when it can't be had."""
    _check_address(url)
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they log whole URLs
    try:
        with (
            httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client,
            closing(_open(client, url)) as response,
            progress.task(_("Fetching advisories"), int(response.headers.get("Content-Length", 0))) as task,
            target.open("wb") as out,
        ):
            for block in response.iter_bytes():
                out.write(block)
                task.advance(len(block))
                if out.tell() > SIZE_LIMIT:
                    raise _trouble(url, _("too large for an export of advisories"))
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise _trouble(url, redact(str(error)) or type(error).__name__) from error


def _open(client: httpx2.Client, url: str) -> httpx2.Response:
    header, here = authorization(url), url
    for _hop in range(REDIRECTS):
        headers = {"Authorization": header} if header and origin(here) == origin(url) else {}
        response = client.send(client.build_request("GET", here, headers=headers), stream=True, auth=None)
        if response.has_redirect_location:
            response.close()
            here = urljoin(here, response.headers["Location"])
            _check_address(here)
            continue
        if response.status_code != 200:
            response.close()
            raise _trouble(url, f"HTTP {response.status_code} {response.reason_phrase}".rstrip())
        return response
    raise _trouble(url, _("too many redirects"))


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    except ValueError:  # brackets that hold no IPv6 address
        fits = False
    if not fits:
        raise UsageError(
            _("{url} is not an https URL.").format(url=redact(url)),
            advice=_("Specify an https URL, or fetch the file yourself and run: advisories import FILE."),
        )


def _trouble(url: str, reason: str) -> BuildError:
    return BuildError(
        _("Cannot fetch the advisories from {host}: {reason}.").format(
            host=urlsplit(url).hostname or "?", reason=reason
        ),
        advice=_(
            "Check the network, specify a mirror with --url, or provide the file and run: advisories import FILE."
        ),
    )
