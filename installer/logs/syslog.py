"""Sending a run's log to a central collector: RFC 5424 over UDP (RFC 5426) or TCP (RFC 6587, octet counting).

A separate thread sends the lines from a bounded queue, so an unavailable or slow collector neither stops nor slows the
work; at the end of a run the thread gets two more seconds.
"""

from __future__ import annotations

import logging
import os
import queue
import select
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import urlsplit

from shared.errors import UsageError
from shared.i18n import _

QUEUED = 1000  # lines
UDP_LIMIT, TCP_LIMIT = 2048, 8192  # bytes of a message; receivers should accept the first (RFC 5424, 6.1)
HEADER = 400  # maximum bytes of a message before its line
TIMEOUT, RETRY, CLOSING = 2.0, 1.0, 2.0  # seconds
FACILITY = 1  # user-level messages (RFC 5424, table 1)
SEVERITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG_SEVERITY = 7
PORT_LIMIT = 65535


@dataclass(frozen=True)
class Address:
    """The address of a collector."""

    host: str
    port: int
    is_tcp: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tcp' if self.is_tcp else 'udp'}://{host}:{self.port}"

    @property
    def limit(self) -> int:
        """The maximum length of a line, in bytes."""
        return (TCP_LIMIT if self.is_tcp else UDP_LIMIT) - HEADER


def parse_address(text: str) -> Address:
    """Parse ``HOST:PORT`` (UDP), ``udp://HOST:PORT`` or ``tcp://HOST:PORT``. Raises UsageError if it is invalid."""
    try:
        parts = urlsplit(text if "://" in text else f"udp://{text}")
        host, port = parts.hostname or "", parts.port or 0
        plain = parts.netloc == parts.netloc.rpartition("@")[2] and not (parts.path or parts.query or parts.fragment)
    except ValueError:
        host, port, plain = "", 0, False
    if not (host and 0 < port <= PORT_LIMIT and plain and parts.scheme in ("udp", "tcp")):
        raise UsageError(
            _("{text} is not a valid log collector address.").format(text=ascii(text)[:80]),
            advice=_("Use HOST:PORT or tcp://HOST:PORT."),
        )
    return Address(host, port, parts.scheme == "tcp")


class Collector(logging.Handler):
    """Sends log records to a collector.

    ``lost`` is the number of lines that could not be sent, ``reason`` the last cause. UDP confirms nothing, so a
    line that was sent may be lost without being counted, unless the collector's host refuses it at once.
    """

    def __init__(self, address: Address, command: str) -> None:
        super().__init__()
        self.address, self.lost, self.reason = address, 0, ""
        self.start = f"{_hostname()} ragtrace {os.getpid()} {command} -"
        self.waiting: queue.Queue[bytes] = queue.Queue(QUEUED)
        self.closing = threading.Event()
        self.socket: socket.socket | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        severity = next((number for level, number in SEVERITIES if record.levelno >= level), DEBUG_SEVERITY)
        moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="microseconds")
        line = f"<{FACILITY * 8 + severity}>1 {moment} {self.start} {self.format(record)}"
        try:
            self.waiting.put_nowait(line.encode("ascii", "replace"))
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        self.closing.set()
        self.thread.join(CLOSING)
        self.lost += self.waiting.qsize()
        super().close()

    def _work(self) -> None:
        """Send until the run ends and the queue is empty; gives up if the collector is unavailable at the end."""
        while True:
            try:
                message = self.waiting.get(timeout=0.05)
            except queue.Empty:
                if self.closing.is_set():
                    break
                continue
            while not self._sent(message):
                # during the run, a line that cannot be sent is retried, and later ones wait in the queue
                if self.closing.wait(RETRY):
                    if self._sent(message):
                        break
                    self.lost += 1
                    return
        if self.socket is not None:
            refused = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if refused:
                self.lost, self.reason = self.lost + 1, os.strerror(refused)
        self._hang_up()

    def _sent(self, message: bytes) -> bool:
        try:
            if self.socket is not None and self._was_left(self.socket):
                self._hang_up()
            if self.socket is None:
                self.socket = self._open()
            self.socket.sendall(b"%d %s" % (len(message), message) if self.address.is_tcp else message)
        except OSError as error:
            self.reason = error.strerror or str(error)
            if isinstance(error, ConnectionRefusedError) and not self.address.is_tcp:
                self.lost += 1  # it is about the datagram before, which nobody received
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def _open(self) -> socket.socket:
        if self.address.is_tcp:
            return socket.create_connection((self.address.host, self.address.port), TIMEOUT)
        kind = socket.SOCK_DGRAM
        family, _kind, protocol, _name, place = socket.getaddrinfo(self.address.host, self.address.port, type=kind)[0]
        opened = socket.socket(family, kind, protocol)
        opened.connect(place)
        return opened

    def _was_left(self, opened: socket.socket) -> bool:
        """Return whether the collector has closed the connection: the next line would be accepted here and lost."""
        if not self.address.is_tcp or not select.select([opened], [], [], 0)[0]:
            return False
        return not opened.recv(1024)


def _hostname() -> str:
    """Return this host's name for a header (RFC 5424, 6.2.4), or "-", the NILVALUE."""
    name = "".join(character for character in socket.gethostname() if "!" <= character <= "~")
    return name[:255] or "-"
