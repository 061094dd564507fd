"""A collector on loopback that receives syslog messages, and what a message must look like."""

from __future__ import annotations

import json
import queue
import re
import socket
import threading

# RFC 5424, 6: HEADER SP STRUCTURED-DATA SP MSG
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
MESSAGE = re.compile(
    rf"<(\d{{1,3}})>1 ({TIME}) ([!-~]{{1,255}}) ragtrace ([0-9a-f.]+) ([!-~]{{1,32}}) "
    r'\[meta sequenceId="(\d+)"\] (\{.*\})'
)


class Server:
    """A collector on loopback; ``lines`` gets each message as it comes."""

    def __init__(self, *, is_tcp, most=None, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.most = most
        self.is_tcp, self.closing = is_tcp, False
        if is_tcp:
            self.socket.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        """End the thread before its socket, whose number the next one gets."""
        self.closing = True
        with socket.socket(self.socket.family, self.socket.type) as last:
            last.connect(self.socket.getsockname())
            if not self.is_tcp:
                last.send(b"")
        self.thread.join(5)
        self.socket.close()

    @property
    def address(self):
        return f"{'tcp' if self.is_tcp else 'udp'}://127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self):
        while not self.closing:
            if self.is_tcp:
                connection = self.socket.accept()[0]
                with connection, connection.makefile("rb") as stream:
                    self.read(stream)
            else:
                self.lines.put(self.socket.recv(65536))

    def read(self, stream):
        """Read messages whose octets are counted (RFC 6587, 3.4.1), at most so many of one connection."""
        count = 0
        while count != self.most:
            digits = b""
            while (byte := stream.read(1)) not in (b" ", b""):
                digits += byte
            if not digits:
                break
            self.lines.put(stream.read(int(digits)))
            count += 1

    def next(self):
        return self.lines.get(timeout=20)


def parsed(message):
    found = MESSAGE.fullmatch(message.decode("ascii"))
    assert found, message
    return int(found[1]), found[5], json.loads(found[7])


def drained(server):
    """Return what has come; the run is over, so everything is on its way already."""
    found = [parsed(server.next())[2]]
    while True:
        try:
            found.append(parsed(server.lines.get(timeout=0.5))[2])
        except queue.Empty:
            return found
