"""Start a web page, ask until it answers, end everything in this process group, itself included.

Answers [status or null, seconds, exit code or null, the last that was said, why loopback cannot be used or null].
The page and whoever asks share one network, which may be one of their own. No proxy stands before loopback. Whether
that can be used is seen first, at a socket that the kernel answers for: later a refusal says that the page has not
begun yet.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO, Any


def free_port() -> int:
    """Return a port that nobody listens at, and to which a connection can be made. Raises OSError."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        socket.create_connection(free.getsockname(), timeout=5).close()
        return int(free.getsockname()[1])


def ask(page: "subprocess.Popen[bytes]", port: int, path: str, until: float) -> "tuple[int | None, str | None]":
    """Return the status of the page, or None and why there is none."""
    reason = None
    while page.poll() is None and time.monotonic() < until:
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=max(0.1, until - time.monotonic()))
            asked.request("GET", path)
            return asked.getresponse().status, reason
        except (OSError, http.client.HTTPException) as error:
            reason = str(error)
            time.sleep(0.05)
    return None, reason


def last_of(errors: IO[bytes]) -> str:
    """Return the last line that says something."""
    errors.seek(0, 2)
    errors.seek(max(0, errors.tell() - 4000))
    lines = errors.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def tell(*answer: Any) -> None:
    """Answer, before what reads it is ended."""
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Take the question from standard input: argv and variables, what stands for the port in them, path, seconds."""
    argv, variables, mark, path, limit = json.loads(sys.stdin.readline())
    try:
        port = free_port()
    except OSError as error:
        tell(None, 0.0, None, None, error.strerror or str(error))
        return
    argv = [part.replace(mark, str(port)) for part in argv]
    env = {**os.environ, **{name: text.replace(mark, str(port)) for name, text in variables.items()}}
    started, null = time.monotonic(), subprocess.DEVNULL
    with tempfile.TemporaryFile() as errors:
        page = subprocess.Popen(argv, stdin=null, stdout=null, stderr=errors, env=env)
        status, reason = ask(page, port, path, started + limit)
        said, seconds = last_of(errors), time.monotonic() - started
        tell(status, seconds, page.poll(), said or reason or "", None)
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(page.pid)], capture_output=True, check=False)
        else:
            os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
