"""Start the server of a web page, request the page until it answers, then end this process group with this process.

Prints [status or null, seconds, exit code or null, last line of output, why loopback is unusable or null].
The page and this process share one network, which may be a separate namespace. No proxy applies to loopback, which
is tested first with a socket that the kernel accepts: a refused connection then only means that the page has
not started yet.
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
    """Return a free port that accepts connections. Raises OSError if loopback is unusable."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        socket.create_connection(free.getsockname(), timeout=5).close()
        return int(free.getsockname()[1])


def ask(page: "subprocess.Popen[bytes]", port: int, path: str, until: float) -> "tuple[int | None, str | None]":
    """Return the HTTP status of the page and the last error; each is None if there is none."""
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
    """Return the last line that is not blank."""
    errors.seek(0, 2)
    errors.seek(max(0, errors.tell() - 4000))
    lines = errors.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def tell(*answer: Any) -> None:
    """Print the answer, before the process group is ended."""
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer the request on standard input: [argv, variables, placeholder for the port in both, path, seconds]."""
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
