"""Output to the user: results on stdout, errors on stderr, and text without terminal control characters."""

from __future__ import annotations

import json
import logging
import os
import sys
import unicodedata
from typing import IO, Any

from shared import troubles
from shared.i18n import _

LOG = logging.getLogger("ragtrace")
LOG.addHandler(logging.NullHandler())  # else logging prints warnings and tracebacks to stderr until a log is started
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode: control, bidi, surrogates, line separators
_left: set[Any] = set()  # streams that failed or lost their reader


def visible(text: str) -> str:
    """Return text with terminal control characters as JSON escapes: file names on a medium may contain them."""
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if character not in "\n\t" and unicodedata.category(character) in STEERING else character
        for character in text
    )


def _escaped(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]  # DEL, which json does not escape


def sentence(text: str) -> str:
    """Return text as one line: the name of a file on a medium may contain newlines that would forge further lines."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def printable(text: str) -> str:
    """Return text with terminal control characters replaced by spaces: reasons quote the output of programs."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(character) in STEERING else character for character in text)


def write_text(stream: IO[str] | None, text: str) -> None:
    """Write text to a stream, escaping characters that its encoding lacks; no effect if the stream is closed (None)."""
    if stream is None:
        return
    text = visible(text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def show(text: str) -> bool:
    """Write one line of the result to stdout, and return whether that succeeded; newlines in a name are escaped."""
    return show_lines(sentence(text))


def show_lines(text: str) -> bool:
    """Write lines of the result to stdout, and return whether that succeeded.

    The work is done whether or not its result is read: a failing stream is reported once on stderr and is not an error.
    """
    if sys.stdout in _left:
        return False
    try:
        write_text(sys.stdout, text + "\n")
    except BrokenPipeError:
        pass  # its reader has read enough
    except OSError as error:
        complain(
            _("warning: {text}").format(
                text=_("the output cannot be written: {reason}").format(reason=troubles.reason(error))
            )
        )
    else:
        return True
    leave(sys.stdout)
    _left.add(sys.stdout)
    return False


def is_read() -> bool:
    """Return whether stdout still accepts output."""
    return sys.stdout not in _left


def steady() -> None:
    """Ensure that this process has the three standard streams: one that the caller closed becomes os.devnull.

    Otherwise the next file that is opened gets its number, and a library's output on stderr ends up in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # noqa: PERF203 - three of them
            os.open(os.devnull, os.O_RDWR)  # uses the lowest free number: this one
            os.set_inheritable(number, True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until exit


def can_ask() -> bool:
    """Return whether a user is present to answer."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def reply() -> str | None:
    """Return the line that a user types, in lower case, or None at the end of the input or if it is not text."""
    try:
        line = sys.stdin.readline()
    except (OSError, ValueError):  # the terminal hung up; bytes of another encoding
        return None
    return line.strip().casefold() if line.endswith("\n") else None


def answer() -> str:
    """Return the line that a user types, in lower case, or '' at the end of the input or if it is not text."""
    return reply() or ""


def agrees(line: str | None, *, default: bool = False) -> bool:
    """Return whether a reply agrees; an empty line is the default, and no line at all never agrees."""
    return default if line == "" else line in ("y", "ㅛ", "yes", "예", "네")  # ㅛ: the key y of a Korean keyboard


def arrow() -> str:
    """Return an arrow that stdout can show."""
    try:
        "→".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return "->"
    return "→"


def flush() -> None:
    """Flush both streams; output that cannot be written is discarded, or Python would change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # noqa: PERF203 - two of them
            leave(stream)


def show_json(value: Any) -> bool:
    """Write the result to stdout as one JSON document, and return whether that succeeded."""
    return show_document(json.dumps(value, ensure_ascii=False, indent=2))


def show_document(text: str) -> bool:
    """Write JSON to stdout; characters that its encoding lacks become JSON escapes (RFC 8259, section 7)."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = "".join(character if character.isascii() else json.dumps(character)[1:-1] for character in text)
    return show_lines(text)


def complain(text: str) -> None:
    """Write text and a newline to stderr, if possible."""
    try:
        write_text(sys.stderr, text + "\n")
    except OSError:
        leave(sys.stderr)


def leave(stream: IO[str] | None) -> None:
    """Discard buffered output of a stream without a reader or on a full disk: Python would report an error at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno() if stream is not None else nowhere)
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # a stream without a file has nothing to flush to


def human_bytes(count: int) -> str:
    """Return a human-readable size, in the decimal units of disk vendors."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def python_command() -> str:
    """Return the usual name of the Python command on this platform."""
    return "python" if sys.platform == "win32" else "python3"
