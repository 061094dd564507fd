"""Servers on loopback with faults: an index of wheels, and a model hub."""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
import struct
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LFS_FROM = 1000  # bytes from which the hub keeps a file in LFS


@dataclass
class Faults:
    """What goes wrong with one file; counters go down with each time that it happened."""

    cut_after: int = 0  # bytes of a body that are sent before the connection breaks
    cuts: int = 0
    reset: bool = False  # a cut is a TCP reset, not an orderly end
    corrupt: int = 0  # answers whose first byte is flipped
    busy: int = 0  # answers of 503
    status: int = 0  # the answer, always
    headers: dict[str, str] = field(default_factory=dict)  # of that answer
    ranges: bool = True  # whether Range is honoured
    wrong_range: int = 0  # answers of 206 that begin elsewhere
    extra: int = 0  # bytes more than there are, with no Content-Length
    redirect: str = ""
    after: threading.Event | None = None  # no answer before this
    stall: threading.Event | None = None  # after cut_after bytes, wait for this


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    path: str
    range: str | None
    authorization: str | None


class Site(ThreadingHTTPServer):
    """Files at paths, with faults; ``seen`` holds the requests in their order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, Faults] = {}
        self.types: dict[str, str] = {}  # of content, where the path does not tell
        self.seen: list[Seen] = []
        self.guard = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def requests(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients hang up on purpose."""


@dataclass
class Hub:
    """A site that answers as a model hub for one repository at one commit."""

    site: Site
    repository: str
    commit: str
    files: dict[str, bytes] = field(default_factory=dict)

    def faults(self, path: str) -> Faults:
        return self.site.faults.setdefault(self.place(path), Faults())

    def place(self, path: str) -> str:
        return f"/{self.repository}/resolve/{self.commit}/{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.seen.append(Seen(path, self.headers.get("Range"), self.headers.get("Authorization")))
        faults = self.server.faults.get(path, Faults())
        if faults.after is not None:
            faults.after.wait()
        if self._refused(faults):
            return
        body = self.server.files.get(path)
        if body is None:
            self._answer(404, b"")
            return
        start = self._start(faults)
        if start >= len(body) > 0:
            self._answer(416, b"")
            return
        self._send(body, start, faults)

    def _refused(self, faults: Faults) -> bool:
        with self.server.guard:
            busy = faults.busy > 0
            faults.busy -= busy
        if busy or faults.status:
            self._answer(503 if busy else faults.status, b"", **faults.headers)
        elif faults.redirect:
            self._answer(302, b"", Location=faults.redirect)
        return busy or bool(faults.status or faults.redirect)

    def _start(self, faults: Faults) -> int:
        matched = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range") or "")
        return int(matched[1]) if matched and faults.ranges else 0

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, body: bytes, start: int, faults: Faults) -> None:
        with self.server.guard:
            corrupt, cut = faults.corrupt > 0, faults.cuts > 0
            wrong = bool(start) and faults.wrong_range > 0
            faults.corrupt -= corrupt
            faults.cuts -= cut
            faults.wrong_range -= wrong
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {0 if wrong else start}-{len(body) - 1}/{len(body)}")
        data = body[start:] + b"x" * faults.extra
        if faults.extra:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(data)))
        kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
        kind = "application/json" if "/api/" in self.path else kind
        self.send_header("Content-Type", self.server.types.get(urlsplit(self.path).path, kind))
        self.end_headers()
        if corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        if cut:
            self.wfile.write(data[: faults.cut_after])
            self._break(faults)
            return
        self.wfile.write(data)

    def _break(self, faults: Faults) -> None:
        self.wfile.flush()
        if faults.stall is not None:
            faults.stall.set()
            self.server.closing.wait()
        if faults.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


@contextmanager
def serve(files: Mapping[str, bytes] | None = None) -> Iterator[Site]:
    """Serve files at paths until the block ends."""
    site = Site()
    site.files.update(files or {})
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        site.shutdown()
        site.server_close()
        thread.join()


@contextmanager
def serve_index(wheels: Mapping[str, bytes]) -> Iterator[Site]:
    """Serve wheels by file name as a simple index (PEP 503) at /simple/, the files at /files/."""
    with serve({f"/files/{name}": data for name, data in wheels.items()}) as site:
        pages: dict[str, list[str]] = {}
        for name, data in wheels.items():
            project = name.partition("-")[0].replace("_", "-").lower()
            place = f"/files/{name}#sha256={hashlib.sha256(data).hexdigest()}"
            link = f'<a href="{place}" data-core-metadata="true">{name}</a>'  # PEP 658
            site.files[f"/files/{name}.metadata"] = _metadata(data)
            pages.setdefault(project, []).append(link)
        for project, links in pages.items():
            site.files[f"/simple/{project}/"] = "\n".join(links).encode()
        yield site


@contextmanager
def serve_hub(files: Mapping[str, bytes], *, repository: str = "org/model") -> Iterator[Hub]:
    """Serve files as a model repository with one branch, main. Set HF_ENDPOINT to the site's URL."""
    tree = [_tree_entry(path, data) for path, data in sorted(files.items())]
    commit = hashlib.sha1(json.dumps(tree).encode(), usedforsecurity=False).hexdigest()
    answer = {"_id": "0", "id": repository, "sha": commit, "siblings": [{"rfilename": path} for path in files]}
    with serve() as site:
        hub = Hub(site, repository, commit, dict(files))
        for revision in ("main", commit):
            site.files[f"/api/models/{repository}/revision/{revision}"] = json.dumps(answer).encode()
            site.files[f"/api/models/{repository}/tree/{revision}"] = json.dumps(tree).encode()
        site.files |= {hub.place(path): data for path, data in files.items()}
        yield hub


def _metadata(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))


def _tree_entry(path: str, data: bytes) -> dict[str, object]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    entry: dict[str, object] = {"type": "file", "oid": blob, "size": len(data), "path": path}
    if len(data) >= LFS_FROM:
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return entry
