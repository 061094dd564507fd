"""The audit log: append-only JSON lines, each with the hash of the previous one.

A chain that its owner can recompute proves nothing by itself; its head, which every command that changes something
prints, is the anchor to record elsewhere. A last line that a crash cut short was never reported, so the next one
replaces it.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from bundle import strict
from installer.layout import log_files
from installer.logs import runlog
from installer.logs.runlog import LOG
from shared.errors import RagtraceError, TrustError
from shared.i18n import _, english
from shared.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.layout.log_files import Line
    from installer.layout.prefix import Prefix

GENESIS = "0" * 64
CHANGES = ("install", "rollback", "recover")  # actions that make a release active


def log_file(prefix: Prefix) -> Path:
    """Return the file that grows; the earlier ones are next to it (installer/layout/log_files.py)."""
    return prefix.audit / log_files.CURRENT


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def lines(prefix: Prefix) -> Iterator[bytes]:
    """Yield the complete lines of the log, without newlines. Raises TrustError if one is incomplete or too long."""
    for line in log_files.lines(prefix.audit):
        yield _data_of(line)


def _data_of(line: Line) -> bytes:
    if line.data is None:
        raise _broken(line, _("it is incomplete or exceeds the maximum length of an entry"))
    return line.data


def head(prefix: Prefix) -> str:
    """Return the hash of the last line, or 64 zeros if the log is empty."""
    last = log_files.last_line(prefix.audit)
    return GENESIS if last is None else _hash(last)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user ID without an entry in the user database
        return str(os.getuid()) if hasattr(os, "getuid") else "?"


def append(prefix: Prefix, action: str, outcome: str, **facts: Any) -> str:
    """Append a line, sync it to disk and return the new head.

    If the line would exceed the maximum length, it lists only the names of ``facts``, without their values.
    """
    prefix.audit.mkdir(mode=0o700, exist_ok=True)
    entry = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "user": _user(),
        "action": action,
        "outcome": outcome,
        **facts,
        "run": runlog.RUN,
        "previous": head(prefix),
    }
    line = _line_of(entry)
    if len(line) >= log_files.LINE_LIMIT:  # the limit of its readers
        entry = {name: value for name, value in entry.items() if name not in facts}
        line = _line_of({**entry, "left_out": sorted(facts)})
    log_files.append(prefix.audit, line)
    found = _hash(line)
    LOG.info("audit log head %s after %s: %s", found, action, outcome, extra={"audit_head": found})
    return found


def _line_of(entry: dict[str, Any]) -> bytes:
    return console.visible(json.dumps(entry, ensure_ascii=False, sort_keys=True)).encode()


def note(prefix: Prefix, action: str, outcome: str, **facts: Any) -> str:
    """Append a line if possible and return the new head, or "" if the log cannot be written."""
    try:
        return append(prefix, action, outcome, **facts)
    except OSError as trouble:
        LOG.warning("the audit log cannot be written: %s", trouble)
        return ""


def note_failure(prefix: Prefix, action: str, error: BaseException, **facts: Any) -> str:
    """Append a line about a failure in English, as ``note`` does."""
    identifier = {"reason_id": error.id} if isinstance(error, RagtraceError) and error.id else {}
    return note(prefix, action, "failed", reason=str(english(error))[:500], **identifier, **facts)


def entries(prefix: Prefix) -> list[dict[str, Any]]:
    """Return the entries, oldest first. Raises TrustError if a line is not an entry."""
    return [entry for _line, entry in _entries(prefix)]


def _entries(prefix: Prefix) -> Iterator[tuple[Line, dict[str, Any]]]:
    for line in log_files.lines(prefix.audit):
        try:
            entry = strict.parse(_data_of(line))
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise _broken(line, _("it is not an entry"))
        yield line, entry


def is_removal(entry: dict[str, Any]) -> bool:
    """Return whether an entry records an uninstallation; a later release with the same name is a different one."""
    return (entry.get("action"), entry.get("outcome")) == ("uninstall", "done")


def activations(prefix: Prefix) -> list[dict[str, Any]]:
    """Return the entries of releases made active since the last uninstallation, oldest first, up to any damage."""
    found: list[dict[str, Any]] = []
    try:
        for entry in map(strict.parse, lines(prefix)):
            if is_removal(entry):
                found.clear()
            elif entry.get("action") in CHANGES and entry.get("outcome") == "done":
                found.append(entry)
    except (OSError, ValueError, AttributeError, RagtraceError):
        return found  # verify reports whether the log is intact
    return found


def receipt_of(prefix: Prefix, release: str) -> str | None:
    """Return the SHA-256 that the audit log last recorded for a release's receipt, or None if there is none."""
    logged = [entry.get("receipt_sha256") for entry in activations(prefix) if entry.get("release") == release]
    known = [digest for digest in logged if isinstance(digest, str) and digest]
    return known[-1] if known else None


def verify(prefix: Prefix, anchor: str | None = None) -> tuple[int, str]:
    """Verify the chain; return the number of lines and the head.

    ``anchor`` is a head that was recorded elsewhere, or its first digits: the chain must have had it at some time, so
    an older head is valid. Raises TrustError if the chain is broken or never had the anchor.
    """
    gone = log_files.missing(prefix.audit)
    if gone:
        raise TrustError(
            _("{path} is missing: the audit log has a gap.").format(path=gone[0]),
            advice=_("Restore it from a copy, or compare the rest with an export stored elsewhere."),
        )
    expected, heads = GENESIS, [GENESIS]
    for line, entry in _entries(prefix):
        if entry.get("previous") != expected:
            raise _broken(line, _("it is not chained to the previous line"))
        expected = _hash(_data_of(line))
        heads.append(expected)
    if anchor is not None and not any(head.startswith(anchor.lower()) for head in heads):
        raise TrustError(
            _("{path} does not contain the head {head}: lines were removed or changed.").format(
                path=log_file(prefix), head=anchor[:64]
            ),
            advice=_("Compare it with an export stored elsewhere."),
        )
    return len(heads) - 1, expected


def _broken(line: Line, reason: str) -> TrustError:
    return TrustError(
        _("{path}, line {number}: {reason}.").format(path=line.path, number=line.number, reason=reason),
        advice=_("Compare the modified log with an export stored elsewhere."),
    )
