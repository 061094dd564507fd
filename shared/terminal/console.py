"""Talking to the person: results to stdout, complaints to stderr, and text that cannot steer a terminal."""

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
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode: control, bidi, half characters, line ends
_left: set[Any] = set()  # streams that nobody reads any more


def visible(text: str) -> str:
    """Return text in which what would steer a terminal is an escape of JSON's: a medium may name its files so."""
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if character not in "\n\t" and unicodedata.category(character) in STEERING else character
        for character in text
    )


def _escaped(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]  # DEL, which json leaves as it is


def sentence(text: str) -> str:
    """Return text that stays one line: a name in it, of a file on a medium, may hold line ends to forge others."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def printable(text: str) -> str:
    """Return text in which what would steer a terminal is a space: reasons quote what programs wrote."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(character) in STEERING else character for character in text)


def write_text(stream: IO[str] | None, text: str) -> None:
    """Write text to a stream whose encoding may lack some of its characters; a closed one (None) gets nothing."""
    if stream is None:
        return
    text = visible(text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def show(text: str) -> bool:
    """Write one line of the result to stdout, and return whether it went there; line ends in a name forge no other."""
    return show_lines(sentence(text))


def show_lines(text: str) -> bool:
    """Write lines of the result to stdout, and return whether they went there.

    What was done is done whoever reads of it: a stream that fails is reported on stderr, once, and is no error.
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
    """Return whether what is shown still goes somewhere."""
    return sys.stdout not in _left


def steady() -> None:
    """Give this process the three streams that every program has: one that the caller closed leads nowhere.

    Else the next file that is opened gets its number, and what a library writes to stderr goes into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # noqa: PERF203 - three of them
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(number, True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as we live


def can_ask() -> bool:
    """Return whether a person is there to answer."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def answer() -> str:
    """Return the line that a person types, in lower case; '' where the input ends or is no text."""
    try:
        return sys.stdin.readline().strip().casefold()
    except (OSError, ValueError):  # the terminal hung up; bytes of another encoding
        return ""


def flush() -> None:
    """Write what is still buffered; what cannot be written is left, else Python ends with an exit code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # noqa: PERF203 - two of them
            leave(stream)


def show_json(value: Any) -> bool:
    """Write the result to stdout as one JSON document, and return whether it went there."""
    return show_document(json.dumps(value, ensure_ascii=False, indent=2))


def show_document(text: str) -> bool:
    """Write JSON to stdout; what its encoding lacks becomes an escape of JSON's own (RFC 8259, section 7)."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = "".join(character if character.isascii() else json.dumps(character)[1:-1] for character in text)
    return show_lines(text)


def complain(text: str) -> None:
    """Write one line to stderr, where that is possible."""
    try:
        write_text(sys.stderr, text + "\n")
    except OSError:
        leave(sys.stderr)


def leave(stream: IO[str] | None) -> None:
    """Let what is still buffered go nowhere: its reader went away or its disk is full. Python would tell at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno() if stream is not None else nowhere)
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # a stream without a file has nothing to flush into


def human_bytes(count: int) -> str:
    """Return a size for people, in the decimal units that disks are sold in."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def python_command() -> str:
    """Return the name under which Python answers on this platform's command line."""
    return "python" if sys.platform == "win32" else "python3"
