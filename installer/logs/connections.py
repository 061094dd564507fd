"""Connections to a log collector over TCP (RFC 6587, octet counting), TLS (RFC 5425) and RELP.

TCP acknowledges nothing to the application. What can be known is that the collector read everything: it closes the
connection after this side has, and goes on accepting others (docs/adr/0048-log-lines-arrive-at-least-once.md). RELP
acknowledges every message (https://github.com/rsyslog/librelp/blob/master/doc/relp.html).
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from shared import __version__
from shared.i18n import _

if sys.platform == "linux":
    import fcntl
    import termios

if TYPE_CHECKING:
    from installer.logs.collector_address import Address

TIMEOUT = 2.0  # seconds
SEND_BUFFER = 64 << 10  # bytes that may be on their way unseen; more would only be repeated
WINDOW = 128  # RELP messages that are sent before the first of them is acknowledged (librelp's default)
SO_NWRITE = 0x1024  # sys/socket.h of macOS
ANSWER_LIMIT, WORD_LIMIT = 1 << 16, 32  # bytes of a RELP answer, and of a word before it


class Tcp:
    """A connection that ends to confirm what was sent."""

    def __init__(self, address: Address) -> None:
        self.socket = _opened(address)

    def send(self, frames: list[bytes]) -> None:
        """Send messages. Raises OSError if the collector has closed the connection or does not read."""
        if self._was_left():
            raise _reset()
        self.socket.sendall(b"".join(frames))

    def finish(self) -> None:
        """End the connection and wait until the collector has read everything. Raises OSError if it has not."""
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket = self.socket.unwrap()
            except OSError as error:
                if not _is_end(error):  # many collectors close without the message of their own that TLS asks for
                    raise
        else:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(1024):
                pass
        # one that closed before it read (it refuses this host's certificate, it has too many connections) did not
        # acknowledge, or its system answers what comes later with a reset
        if _unacknowledged(self.socket):
            raise _reset()

    def close(self) -> None:
        self.socket.close()

    def _was_left(self) -> bool:
        """Return whether the collector has closed the connection: the next lines would be accepted here and lost."""
        self.socket.settimeout(0)
        try:
            return not self.socket.recv(1024)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self.socket.settimeout(TIMEOUT)


class Relp(Tcp):
    """A connection on which the collector acknowledges each message."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.stream, self.number = self.socket.makefile("rb"), 0
        self.waiting: set[int] = set()
        offer = f"relp_version=0\nrelp_software=ragtrace-install,{__version__}\ncommands=syslog"
        self._command("open", offer.encode())
        self._read_answers(0)

    def send(self, frames: list[bytes]) -> None:
        """Send messages, at most WINDOW of them without an answer. Raises OSError if the collector refuses one."""
        for frame in frames:
            self._read_answers(WINDOW - 1)
            self._command("syslog", frame.partition(b" ")[2])

    def finish(self) -> None:
        """Wait until every message was acknowledged. Raises OSError if one was not."""
        self._read_answers(0)

    def close(self) -> None:
        with suppress(OSError):  # everything that counts was acknowledged before
            self._command("close", b"")
            self._read_answers(0)
        self.stream.close()
        super().close()

    def _command(self, name: str, data: bytes) -> None:
        self.number = self.number % 999_999_999 + 1
        head = f"{self.number} {name} {len(data)}".encode()
        self.socket.sendall(head + (b" " + data if data else b"") + b"\n")
        self.waiting.add(self.number)

    def _read_answers(self, most: int) -> None:
        """Read answers until at most so many are missing."""
        while len(self.waiting) > most:
            number, name, text = self._answer()
            if name != b"rsp" or not text.startswith(b"200"):
                shown = ascii(text[:80].decode("ascii", "replace"))
                raise ConnectionAbortedError(errno.ECONNABORTED, _("it answered {text}").format(text=shown))
            self.waiting.discard(number)

    def _answer(self) -> tuple[int, bytes, bytes]:
        """Return the number, the name and the text of one answer."""
        number, name, length = self._word(), self._word(), self._word()
        if not number.isdigit() or not length.isdigit() or int(length) > ANSWER_LIMIT:
            raise _reset()
        # the word of the length ended with the space before the text, or with the end of an answer without one
        text = self.stream.read(int(length) + 1) if int(length) else b""
        return int(number), name, text

    def _word(self) -> bytes:
        word = b""
        while (byte := self.stream.read(1)) not in (b" ", b"\n"):
            word += byte
            if not byte or len(word) > WORD_LIMIT:
                raise _reset()
        return word


def connect(address: Address) -> Tcp:
    """Open a connection to a collector. Raises OSError if that is not possible."""
    return Relp(address) if address.is_relp else Tcp(address)


def _opened(address: Address) -> socket.socket:
    """Return a connected socket, for TLS after the handshake. Raises OSError."""
    context = _context(address) if address.is_encrypted else None
    opened = socket.create_connection((address.host, address.port), TIMEOUT)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return opened if context is None else context.wrap_socket(opened, server_hostname=address.host)
    except BaseException:
        opened.close()
        raise


def _context(address: Address) -> ssl.SSLContext:
    """Return what TLS checks and shows: the collector's name and issuer, this host's certificate."""
    try:
        context = ssl.create_default_context(cafile=address.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if address.cert:
            # a key with a passphrase would ask for it on the terminal
            context.load_cert_chain(address.cert, address.key or None, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl names no file
        named = ", ".join(filter(None, (address.ca, address.cert, address.key)))
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OSError(errno.EINVAL, _("{path} cannot be used: {reason}").format(path=named, reason=reason)) from error
    return context


def _unacknowledged(opened: socket.socket) -> int:
    """Return how many bytes the other host's system has not acknowledged; 0 on Windows, which does not tell."""
    if sys.platform == "linux":
        return int.from_bytes(
            fcntl.ioctl(opened.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder
        )  # tcp(7), SIOCOUTQ
    return opened.getsockopt(socket.SOL_SOCKET, SO_NWRITE) if sys.platform == "darwin" else 0


def _is_end(error: OSError) -> bool:
    """Return whether an error while TLS ends only says that the collector has closed the connection."""
    return isinstance(error, ssl.SSLEOFError) or (isinstance(error, OSError) and error.errno == 0)


def _reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
