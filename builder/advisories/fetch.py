"""Download an export of advisories from OSV or a mirror; its digest is unknown, so only truncation can be detected."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from builder.fetch.client import (
    ATTEMPTS,
    FILES,
    Client,
    RedirectError,
    TransientError,
    is_safe,
    reason_of,
    require_ready,
    retried,
)
from builder.fetch.credentials import redact
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.terminal.progress import Progress

# where OSV publishes the records of one ecosystem (google.github.io/osv.dev/data)
ADDRESS = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
SIZE_LIMIT = 2 << 30  # bytes; the real export was about 30 MB in 2026


def fetch_export(url: str, target: Path, progress: Progress, *, pause: Callable[[float], object] = time.sleep) -> None:
    """Download an export to a file. Raises UsageError if the URL is not safe, BuildError if fetching fails."""
    _check_address(url)
    try:
        with (
            Client(timeout=FILES, plain=False) as client,
            closing(retried(lambda: _open(client, url), ATTEMPTS, pause)) as response,
            progress.task(_("Fetching advisories"), int(response.headers.get("Content-Length", 0))) as task,
            target.open("wb") as out,
        ):
            for block in response.iter_bytes():
                out.write(block)
                task.advance(len(block))
                if out.tell() > SIZE_LIMIT:
                    raise _trouble(url, _("too large for an export of advisories"))
    except RedirectError as error:
        if error.target:
            _check_address(error.target)
        raise _trouble(url, _("too many redirects")) from error
    except TransientError as error:
        raise _trouble(url, str(error)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise _trouble(url, reason_of(error)) from error


def _open(client: Client, url: str) -> httpx2.Response:
    response = client.open(url)
    try:
        require_ready(response)
        if response.status_code != 200:
            raise _trouble(url, f"HTTP {response.status_code} {response.reason_phrase}".rstrip())
    except BaseException:
        response.close()
        raise
    return response


def _check_address(url: str) -> None:
    if not is_safe(url):
        raise UsageError(
            _("{url} is not an https URL.").format(url=redact(url)),
            advice=_("Specify an https URL, or fetch the file yourself and run `advisories import FILE`."),
        )


def _trouble(url: str, reason: str) -> BuildError:
    return BuildError(
        _("Cannot fetch the advisories from {host}: {reason}.").format(
            host=urlsplit(url).hostname or "?", reason=reason
        ),
        advice=_(
            "Check the network, specify a mirror with --url, or provide the file and run `advisories import FILE`."
        ),
    )
