"""Sending a run's log to a central collector: RFC 5424 over UDP (RFC 5426), TCP, TLS or RELP.

A separate thread sends the lines, so an unavailable or slow collector neither stops nor slows the work. What a
collector of streams has not confirmed stays on disk and is sent by the next run (installer/logs/spool.py).
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import socket
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from installer.logs import spool
from installer.logs.delivery import Delivery
from installer.logs.runlog import LOG, RUN

if TYPE_CHECKING:
    from installer.logs.collector_address import Address

QUEUED = 1000  # datagrams
RETRY = 1.0  # seconds until a datagram that could not be sent is tried again
CLOSING = 2.0  # seconds, at most, that a run waits at its end for a collector that answers
GRACE = 0.5  # seconds, at most, for one that has not answered yet
FACILITY = 1  # user-level messages (RFC 5424, table 1)
SEVERITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG_SEVERITY = 7
_streams = itertools.count(1)  # of this process


class Collector(logging.Handler):
    """Sends log records to a collector.

    Each message names its stream (PROCID; a stream is one run) and its number in it (``sequenceId``, RFC 5424, 7.3.1),
    so that the collector can drop repeats and notice gaps. ``lost`` is the number of lines that will never arrive,
    ``waiting`` of those that the next run sends, ``reason`` the last cause.
    """

    def __init__(self, address: Address, command: str) -> None:
        super().__init__()
        self.address, self.lost, self.waiting, self.reason = address, 0, 0, ""
        number = next(_streams)
        self.stream = RUN if number == 1 else f"{RUN}.{number}"
        self.start, self.sequence = f"{_hostname()} ragtrace {self.stream} {command}", 0

    def emit(self, record: logging.LogRecord) -> None:
        if not self._take(self._message(record)):
            self.lost += 1

    def _message(self, record: logging.LogRecord) -> bytes:
        """Return a message; it has its number even if it is lost, so that the gap is noticed."""
        self.sequence += 1
        severity = next((number for level, number in SEVERITIES if record.levelno >= level), DEBUG_SEVERITY)
        moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="microseconds")
        head = f'<{FACILITY * 8 + severity}>1 {moment} {self.start} [meta sequenceId="{self.sequence}"]'
        return f"{head} {self.format(record)}".encode("ascii", "replace")

    def _take(self, message: bytes) -> bool:
        """Take a message to be sent; return False if there is no room for it."""
        raise NotImplementedError


class Datagrams(Collector):
    """Sends over UDP, which confirms nothing.

    A line that was sent may be lost without being counted, unless the collector's host refuses it at once.
    """

    def __init__(self, address: Address, command: str) -> None:
        super().__init__(address, command)
        self.queued: queue.Queue[bytes] = queue.Queue(QUEUED)
        self.closing = threading.Event()
        self.socket: socket.socket | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.thread.join(CLOSING)
        self.lost += self.queued.qsize()
        super().close()

    def _take(self, message: bytes) -> bool:
        try:
            self.queued.put_nowait(message)
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        """Send until the run ends and the queue is empty; gives up if the collector is unavailable at the end."""
        while True:
            try:
                message = self.queued.get(timeout=0.05)
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
            if self.socket is None:
                self.socket = self._open()
            self.socket.send(message)
        except OSError as error:
            self.reason = error.strerror or str(error)
            if isinstance(error, ConnectionRefusedError):
                self.lost += 1  # it is about the datagram before, which nobody received
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def _open(self) -> socket.socket:
        kind = socket.SOCK_DGRAM
        family, _kind, protocol, _name, place = socket.getaddrinfo(self.address.host, self.address.port, type=kind)[0]
        opened = socket.socket(family, kind, protocol)
        opened.connect(place)
        return opened


class Stream(Collector):
    """Sends over a connection; lines that are not confirmed stay in the spool for the next run."""

    def __init__(self, address: Address, command: str) -> None:
        super().__init__(address, command)
        self.dropped = spool.prune()  # lines of earlier runs
        self.own = spool.create(self.stream)
        self.delivery = Delivery(address, self.own)
        self.delivery.start()

    def close(self) -> None:
        if self.own.ended:
            return
        for count, whose in ((self.dropped, "earlier runs"), (self.lost, "this run")):
            if count:
                text = f"{count} log lines of {whose} were dropped, because the spool was full"
                record = LOG.makeRecord(LOG.name, logging.WARNING, __file__, 0, text, (), None)
                self._take(self._message(record), beyond=True)
        self.dropped = 0
        self.delivery.end(GRACE, CLOSING)
        self.waiting, self.reason = self.own.count(self.own.confirmed), self.delivery.reason
        if not self.own.is_stored:
            self.lost, self.waiting = self.lost + self.waiting, 0
        self.own.end()
        super().close()

    def _take(self, message: bytes, *, beyond: bool = False) -> bool:
        taken = self.own.append(b"%d %s" % (len(message), message), beyond=beyond)
        self.delivery.wake.set()
        return taken


def collector_for(address: Address, command: str) -> Collector:
    """Return the handler that sends to an address."""
    return Stream(address, command) if address.is_stream else Datagrams(address, command)


def _hostname() -> str:
    """Return this host's name for a header (RFC 5424, 6.2.4), or "-", the NILVALUE."""
    name = "".join(character for character in socket.gethostname() if "!" <= character <= "~")
    return name[:255] or "-"
