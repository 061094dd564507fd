"""The audit log: append-only JSON lines, each with the hash of the one before.

A chain that its owner can recompute proves nothing alone; its head, printed by every command that
changes something, is what an outside anchor keeps.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.prefix import Prefix

GENESIS = "0" * 64


def log_file(prefix: Prefix) -> Path:
    """Return the log's file."""
    return prefix.state / "audit" / "audit.jsonl"


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def head(prefix: Prefix) -> str:
    """Return the hash of the last line, or 64 zeros when nothing was logged."""
    path = log_file(prefix)
    if not path.is_file():
        return GENESIS
    last = ""
    with path.open(encoding="utf-8") as file:
        for line in file:
            last = line.rstrip("\n") or last
    return _hash(last) if last else GENESIS


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id that no user database knows
        return str(os.getuid()) if hasattr(os, "getuid") else "?"


def append(prefix: Prefix, action: str, outcome: str, **facts: Any) -> str:
    """Add a line that lasts (fsynced) and return the new head."""
    path = log_file(prefix)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    entry = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "user": _user(),
        "action": action,
        "outcome": outcome,
        **facts,
        "previous": head(prefix),
    }
    line = json.dumps(entry, ensure_ascii=False, sort_keys=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "rb+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash cut the last line short
                file.write(b"\n")
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return _hash(line)
