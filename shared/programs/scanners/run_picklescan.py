"""Scan every file of a folder with picklescan: {"scanned": ..., "dangerous": ..., "suspicious": ..., "unread": ...}.

No pickle is loaded, and every attempt to connect is refused. The request is on standard input: {"folder": path}.
"""

import json
import logging
import os
import socket
import sys
from typing import Any

PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt")


def refuse(*_arguments: Any, **_more: Any) -> Any:
    """Raise OSError in place of a function that would connect."""
    raise OSError("no network here")


class Listener(logging.Handler):
    """Collects the log of picklescan, which counts files that it cannot read as scanned and only logs them."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def is_pickle(path: str) -> bool:
    """Return whether a file is a pickle, judging by its name or its first bytes."""
    with open(path, "rb") as file:
        start = file.read(2)
    return path.lower().endswith(PICKLES) or (start[:1] == bytes([0x80]) and start[1:] <= bytes([5]))


def scanned(path: str, listener: Listener) -> "tuple[Any, bool]":
    """Return picklescan's result for a file, and whether it could not read the file."""
    from picklescan.scanner import scan_file_path

    del listener.said[:]
    found = scan_file_path(path)
    broken = any("Invalid file" in text for text in listener.said)
    unparsed = any("could not parse" in text for text in listener.said) and is_pickle(path)
    return found, bool(found.scan_err or broken or unparsed)


def scan(root: str, listener: Listener) -> "dict[str, Any]":
    """Scan every file below a folder and return the answer."""
    from picklescan.scanner import SafetyLevel

    count = 0
    dangerous: dict[str, list[str]] = {}
    suspicious: dict[str, list[str]] = {}
    unread: list[str] = []
    for folder, _folders, names in os.walk(root, followlinks=True, onerror=lambda error: unread.append(error.filename)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            count += 1
            try:
                found, is_unread = scanned(path, listener)
            except Exception:
                unread.append(relative)
                continue
            if is_unread:
                unread.append(relative)
            for kinds, level in ((dangerous, SafetyLevel.Dangerous), (suspicious, SafetyLevel.Suspicious)):
                globals_of = sorted({f"{one.module}.{one.name}" for one in found.globals if one.safety == level})
                if globals_of:
                    kinds[relative] = globals_of
    return {"scanned": count, "dangerous": dangerous, "suspicious": suspicious, "unread": sorted(unread)}


def main() -> None:
    """Scan the folder named on stdin with network access blocked, and print the result as JSON.

    The result is on a line that starts with ``ragtrace-answer``.
    """
    socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse  # type: ignore[method-assign]
    listener, log = Listener(), logging.getLogger("picklescan")
    import picklescan.scanner  # noqa: F401 - it may set handlers

    log.handlers, log.propagate = [listener], False
    answer, stdout = scan(json.load(sys.stdin)["folder"], listener), sys.__stdout__
    assert stdout is not None  # the caller reads it
    stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
