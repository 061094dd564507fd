"""``python -m tests.ragtrace.picture URL TEXT FILE``: a picture of a page, once it shows a text, in headless Chromium.

Driven by chromedriver over the WebDriver protocol (W3C), because a page that a script fills in is empty when it loads.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --window-size=1280,1000"
)
SECONDS = 90.0  # that a page may take until it shows the text
PORT = 9515  # chromedriver's own


def call(method: str, path: str, body: Any = None) -> Any:
    """Return what chromedriver answers to one command."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, method=method)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)["value"]


def patiently(attempt: Any) -> Any:
    """Return the first answer that is true; chromedriver and the page take a moment to be there."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            answer = attempt()
        except urllib.error.HTTPError:
            raise
        except OSError:
            answer = None
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.2)


def take(url: str, text: str, file: Path) -> bool:
    """Write a picture; tell whether the page showed the text in time."""
    with tempfile.TemporaryDirectory() as profile:
        options = {"args": [*FLAGS.split(), f"--user-data-dir={profile}"]}
        patiently(lambda: call("GET", "/status")["ready"])
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        session = "/session/" + call("POST", "/session", wanted)["sessionId"]
        try:
            call("POST", f"{session}/url", {"url": url})
            shown = {"script": "return document.body.innerText", "args": []}
            found = patiently(lambda: text in call("POST", f"{session}/execute/sync", shown))
            file.write_bytes(base64.b64decode(call("GET", f"{session}/screenshot")))
            return bool(found)
        finally:
            call("DELETE", session)


def main(url: str, text: str, file: str) -> int:
    """Start chromedriver, take the picture, end it."""
    driver = subprocess.Popen(["chromedriver", f"--port={PORT}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return 0 if take(url, text, Path(file)) else 1
    finally:
        driver.terminate()
        driver.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
