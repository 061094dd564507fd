"""Downloads into the cache: parallel, resumed, retried, and hashed while they stream.

Each file either matches its digest or is named in an error. Credentials are sent only to the origin that they are for,
and never appear in a log or an error.
"""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx2

from builder.fetch.cache import HashMismatchError
from builder.fetch.client import (
    ATTEMPTS,
    FILES,
    Client,
    RedirectError,
    TransientError,
    pause_after,
    reason_of,
    require_ready,
)
from builder.fetch.partial import Partial, Remote, StoppedError
from bundle.digest import BLOCK
from shared import troubles
from shared.errors import BuildError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from builder.fetch.cache import Cache
    from builder.fetch.credentials import Bearer, Login
    from shared.terminal.progress import Progress, Task

LOG = logging.getLogger("ragtrace")
PROGRESS = 1 << 20  # bytes after which an attempt counts as progress


class Downloader:
    """A downloader of files into a cache. ``pause`` waits the given seconds between two attempts."""

    def __init__(
        self,
        cache: Cache,
        *,
        logins: Sequence[Bearer | Login] = (),
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.cache = cache
        self.logins = logins
        self.stop = threading.Event()
        self.pause = pause or self.stop.wait
        self.counting = threading.Lock()
        self.client = Client(logins, timeout=FILES)

    def fetch_all(self, files: Sequence[Remote], text: str, progress: Progress, *, jobs: int) -> dict[Remote, Path]:
        """Fetch files in parallel; return the cache path of each.

        On an error or an interruption the other downloads stop; partial files remain and are continued later.
        """
        waiting: queue.SimpleQueue[Remote] = queue.SimpleQueue()
        for file in sorted(files, key=lambda file: -(file.size or 0)):
            waiting.put(file)
        done: dict[Remote, Path] = {}
        errors: list[BaseException] = []

        def work(task: Task) -> None:
            try:
                while not self.stop.is_set():
                    file = waiting.get_nowait()
                    done[file] = self._fetch(file, task, progress)
            except queue.Empty:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                errors.append(error)
                self.stop.set()

        with progress.task(text, sum(file.size or 0 for file in files)) as task:
            # daemons: an interrupted build does not wait for an unresponsive server
            threads = [threading.Thread(target=work, args=(task,), daemon=True) for _job in range(jobs)]
            try:
                _run(threads, self.stop)
            finally:
                self.stop.set()
                for thread in threads:
                    thread.join(1.0)
                self.client.close()
        if errors:
            raise errors[0]
        return done

    def _fetch(self, file: Remote, task: Task, progress: Progress) -> Path:
        with self.cache.entry(file.digest, self.stop) as part:
            try:
                if self.cache.has(file.digest, file.size):
                    self._count(task, file.size or 0)
                    return self.cache.path(file.digest)
            except HashMismatchError as error:
                progress.warn(error.what)
            try:
                self._attempt(file, part, task)
                return self.cache.commit(file.digest)
            except OSError as error:
                raise self.cache.unwritable(error) from error

    def _count(self, task: Task, amount: int) -> None:
        with self.counting:
            task.advance(amount)

    def _attempt(self, file: Remote, part: Path, task: Task) -> None:
        """Retry until the partial file is complete and matches its digest, or raise the last error."""
        with part.open("a+b") as out:
            partial = Partial(file, out, lambda amount: self._count(task, amount))
            failures = mismatches = 0
            while True:
                before = partial.size
                try:
                    if file.size is None or partial.size != file.size:
                        self._stream(file, partial)
                    partial.check()
                    return
                except HashMismatchError:
                    partial.restart()
                    mismatches += 1
                    if mismatches > 1:  # the first may come from an earlier run or a transfer error
                        raise
                except TransientError as trouble:
                    failures = 1 if partial.size - before >= PROGRESS else failures + 1
                    if failures >= ATTEMPTS:
                        raise _gave_up(file, trouble) from trouble
                    LOG.info("%s: %s; attempt %d follows", file.name, trouble, failures + 1)
                    self.pause(pause_after(failures, trouble.wait))
                if self.stop.is_set():
                    raise StoppedError

    def _stream(self, file: Remote, partial: Partial) -> None:
        """Append the response to one request. Raises TransientError if another request may return more."""
        if urlsplit(file.url).scheme == "file":
            partial.restart()
            partial.take(_read_local(file), self.stop)
            return
        try:
            headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={partial.size}-"} if partial.size else {})}
            with closing(self.client.open(file.url, headers)) as response:
                _check_status(file, response, partial)
                partial.take(response.iter_raw(), self.stop)
        except RedirectError as error:
            raise error.explained(file.name) from error
        except httpx2.HTTPError as error:
            raise _network_trouble(file, error) from error
        except (httpx2.InvalidURL, ValueError) as error:
            raise _no_address(file) from error
        if file.size is not None and partial.size < file.size:
            raise TransientError(_("the connection was closed early"))


def _run(threads: Sequence[threading.Thread], stop: threading.Event) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and not stop.is_set():
            thread.join(0.5)  # a join without a timeout would not notice Ctrl-C on Windows


def _read_local(file: Remote) -> Iterator[bytes]:
    path = url2pathname(urlsplit(file.url).path)
    try:
        with open(path, "rb") as source:
            yield from iter(lambda: source.read(BLOCK), b"")
    except OSError as error:
        wanted = _("Restore this file, which the lockfile names, or run `uv lock` again.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=BuildError, wanted=wanted) from error


def _host(url: str) -> str:
    return urlsplit(url).hostname or "?"


def _check_status(file: Remote, response: httpx2.Response, partial: Partial) -> None:
    status, offset = response.status_code, partial.size
    if status == 206 and offset:
        if response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            return
        partial.restart()
        raise TransientError(_("the server sent a different range than requested"))
    if status == 200:
        partial.restart()
        return
    if status == 416 and offset:
        partial.restart()
        raise TransientError(_("the server has no data beyond what was already fetched"))
    require_ready(response)
    advice = {
        401: _("Put your credentials for {host} into your netrc file, or set HF_TOKEN for a model hub."),
        403: _("Ask the administrator of {host} for access, or put credentials that have access into your netrc file."),
        404: _("Lock another version or specify another revision, then build again; {host} no longer has this one."),
    }.get(status, _("Contact the administrator of {host}, or try again later: fetched files are retained."))
    raise BuildError(
        _("Cannot fetch {file}: {host} returned {status}.").format(
            file=file.name, host=_host(file.url), status=f"{status} {response.reason_phrase}".rstrip()
        ),
        advice=advice.format(host=_host(file.url)),
    )


def _network_trouble(file: Remote, error: httpx2.HTTPError) -> Exception:
    reason = reason_of(error)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return BuildError(
            _("The certificate of {host} is not trusted: {reason}.").format(host=_host(file.url), reason=reason),
            advice=_("Set SSL_CERT_FILE to the certificates that your network uses."),
        )
    if isinstance(error, httpx2.UnsupportedProtocol):
        return _no_address(file)
    return TransientError(reason, unreachable=isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout)))


def _no_address(file: Remote) -> BuildError:
    return BuildError(
        _("{file} has, or redirects to, a URL that cannot be fetched.").format(file=file.name),
        advice=_("Check the index in the lockfile, or HF_ENDPOINT for a model."),
    )


def _gave_up(file: Remote, trouble: TransientError) -> BuildError:
    if trouble.unreachable:
        return BuildError(
            _("Cannot reach {host} for {file}: {reason}.").format(host=_host(file.url), file=file.name, reason=trouble),
            advice=_("Check the network, HTTPS_PROXY and NO_PROXY, then build again: fetched files are retained."),
        )
    return BuildError(
        plural(
            "Cannot fetch {file} from {host} after {count} attempt: {reason}.",
            "Cannot fetch {file} from {host} after {count} attempts: {reason}.",
            ATTEMPTS,
        ).format(file=file.name, host=_host(file.url), count=ATTEMPTS, reason=trouble),
        advice=_("Build again later; partial downloads are retained and will be resumed."),
    )
