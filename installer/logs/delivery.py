"""The thread that sends a run's log lines to a collector, and before them what earlier runs left.

What the collector has not confirmed is sent again on the next connection, so that each line arrives at least once.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from installer.logs import connections, spool

if TYPE_CHECKING:
    from installer.logs.collector_address import Address
    from installer.logs.connections import Tcp
    from installer.logs.spool import Backlog

RETRY = 1.0  # seconds between two attempts to connect
IDLE = 5.0  # seconds without a line after which what was sent is confirmed
AGAIN = 0.1  # seconds at the end of a run for a collector that has not answered, and did not the last time either
CHUNK, CHECKPOINT = 64 << 10, 512 << 10  # bytes sent at once, and sent without being confirmed


class GivenUpError(Exception):
    """The run ends, and the collector is away."""


class Delivery(threading.Thread):
    """Sends what is appended to ``own`` until ``end`` is called and all of it is confirmed.

    ``reason`` is why the last attempt failed, ``is_connected`` whether the collector answers.
    """

    def __init__(self, address: Address, own: Backlog) -> None:
        super().__init__(daemon=True)
        self.address, self.own, self.reason = address, own, ""
        self.has_earlier = self.is_connected = False
        self.closing, self.wake, self.abandoned = threading.Event(), threading.Event(), threading.Event()
        self.connection: Tcp | None = None
        self.failed = -RETRY  # when, by the monotonic clock

    def end(self, grace: float, closing: float) -> None:
        """Let the thread send the rest: at most ``grace`` seconds without a connection, ``closing`` with one."""
        self.closing.set()
        self.wake.set()
        until = time.monotonic() + closing
        self.join(AGAIN if self.has_earlier and not self.is_connected else grace)
        while self.is_alive() and self.is_connected and time.monotonic() < until:
            self.join(0.05)
        self.abandoned.set()

    def run(self) -> None:
        try:
            for backlog in spool.earlier():
                self.has_earlier = True
                try:
                    self._deliver(backlog)
                finally:
                    backlog.end()
            self._deliver(self.own)
        except GivenUpError:
            pass
        finally:
            self._hang_up()

    def _deliver(self, backlog: Backlog) -> None:
        """Send a backlog until it has ended and is confirmed."""
        sent = backlog.confirmed
        while True:
            if self.abandoned.is_set():
                raise GivenUpError
            is_last = backlog is not self.own or self.closing.is_set()
            self.wake.clear()
            frames = backlog.frames(sent, CHUNK)
            try:
                if frames:
                    self._connected().send(frames)
                    sent += sum(map(len, frames))
                if sent > backlog.confirmed and self._is_due(backlog, sent, is_last=is_last and not frames):
                    self._confirm()
                    backlog.confirm(sent)
            except OSError as error:
                self._failed(error)
                sent = backlog.confirmed
                continue
            if is_last and not frames:
                return
            if not frames and not self.closing.is_set():
                self.wake.wait(IDLE)

    def _is_due(self, backlog: Backlog, sent: int, *, is_last: bool) -> bool:
        """Return whether what was sent is to be confirmed: enough of it, its end, or nothing new for a while."""
        if is_last or sent - backlog.confirmed >= CHECKPOINT:
            return True
        return sent == backlog.size and not self.closing.is_set() and not self.wake.wait(IDLE)

    def _connected(self) -> Tcp:
        if self.connection is None:
            self.connection = connections.connect(self.address)
            self.is_connected = True
        return self.connection

    def _confirm(self) -> None:
        """Return once the collector has read everything and lives on. Raises OSError if that is unknown."""
        self._connected().finish()
        if not self.address.is_relp:
            # a collector that was killed closes its connections too, but accepts no other
            self._hang_up()
            self._connected()

    def _failed(self, error: OSError) -> None:
        """Wait before the next attempt, unless this is the first failure for a while.

        Raises GivenUpError instead of waiting if the run has ended.
        """
        self.reason = error.strerror or str(error)
        now = time.monotonic()
        is_first, self.failed = self.is_connected and now - self.failed >= RETRY, now
        self.is_connected = False
        self._hang_up()
        if is_first:
            return
        if self.closing.is_set():
            raise GivenUpError
        self.closing.wait(RETRY)

    def _hang_up(self) -> None:
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.close()
