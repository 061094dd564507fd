"""The files of the audit log: ``audit.jsonl`` grows, and is renamed to ``audit.000001.jsonl`` and so on when large.

A rotation is one rename, so an interrupted rotation leaves the same lines in the same order. The writer enforces the
limits of the readers.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import IO, TYPE_CHECKING, NamedTuple

from shared.files import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURRENT = "audit.jsonl"
ROTATE_AT = 1 << 20  # bytes; a file of this size is rotated before the next line is added
LINE_LIMIT = 1 << 20  # bytes of a line, with its newline
BLOCK = 1 << 16  # bytes
_ROTATED = re.compile(r"audit\.([0-9]{6})\.jsonl")


class Line(NamedTuple):
    """A line of a log file, without its newline, and where it is: file and line number.

    ``data`` is None if the line is too long or incomplete.
    """

    path: Path
    number: int
    data: bytes | None


def rotated(folder: Path) -> dict[int, Path]:
    """Return the rotated files by number, the oldest first."""
    found = {}
    if folder.is_dir():
        for path in folder.iterdir():
            matched = _ROTATED.fullmatch(path.name)
            if matched:
                found[int(matched[1])] = path
    return dict(sorted(found.items()))


def _full(folder: Path, number: int) -> Path:
    return folder / f"audit.{number:06}.jsonl"


def missing(folder: Path) -> list[Path]:
    """Return the rotated files that are missing although a later one exists."""
    there = rotated(folder)
    return [_full(folder, number) for number in range(1, max(there, default=0)) if number not in there]


def lines(folder: Path) -> Iterator[Line]:
    """Yield the lines of all files; a last line that a crash cut short was never reported and is left out."""
    full, current = _opened(folder)
    try:
        for path in full:
            with os.fdopen(files.open_own(path, os.O_RDONLY), "rb") as file:
                yield from _lines(path, file, last=False)
        if current is not None:
            yield from _lines(folder / CURRENT, current, last=True)
    finally:
        if current is not None:
            current.close()


def _opened(folder: Path) -> tuple[list[Path], IO[bytes] | None]:
    """Return the rotated files, and the current one opened (None if missing); a rotation meanwhile does no harm."""
    while True:
        full, current = list(rotated(folder).values()), None
        with contextlib.suppress(FileNotFoundError):
            current = os.fdopen(files.open_own(folder / CURRENT, os.O_RDONLY), "rb")
        if list(rotated(folder).values()) == full:
            return full, current
        if current is not None:
            current.close()


def _lines(path: Path, file: IO[bytes], *, last: bool) -> Iterator[Line]:
    number = 0
    for number, line in enumerate(iter(lambda: file.readline(LINE_LIMIT), b""), 1):
        if not line.endswith(b"\n"):
            is_torn = all(b"\n" not in block for block in iter(lambda: file.read(BLOCK), b""))
            if not (last and is_torn):
                yield Line(path, number, None)
            return
        yield Line(path, number, line[:-1])


def last_line(folder: Path) -> bytes | None:
    """Return the last complete line without its newline, or None if there is none."""
    for path in (folder / CURRENT, *reversed(rotated(folder).values())):
        try:
            handle = files.open_own(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            continue
        with os.fdopen(handle, "rb") as file:
            end = _end_of_whole_lines(file, file.seek(0, os.SEEK_END))
            if end:
                start = _end_of_whole_lines(file, end - 1)
                file.seek(start)
                return file.read(end - 1 - start)
    return None


def append(folder: Path, line: bytes) -> None:
    """Append a line and sync it to disk, after rotating a large file and cutting off an incomplete last line."""
    path = folder / CURRENT
    with contextlib.suppress(OSError):  # without a rotation the file only gets larger
        _rotate(folder)
    fresh = not os.path.lexists(path)
    with os.fdopen(files.open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "rb+") as file:
        _cut_off(file)
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if fresh:
        files.sync_folder(folder)


def _rotate(folder: Path) -> None:
    path = folder / CURRENT
    if not path.is_file() or path.lstat().st_size < ROTATE_AT:
        return
    with os.fdopen(files.open_own(path, os.O_RDWR), "rb+") as file:  # closed before it is renamed, for Windows
        _cut_off(file)
        if not file.seek(0, os.SEEK_END):
            return
        os.fsync(file.fileno())
    target = _full(folder, max(rotated(folder), default=0) + 1)
    if not os.path.lexists(target):
        files.replace(path, target)
        files.sync_folder(folder)


def _cut_off(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    end = _end_of_whole_lines(file, size)
    if end < size:
        file.truncate(end)


def _end_of_whole_lines(file: IO[bytes], position: int) -> int:
    """Return the offset at which the last complete line before a position ends, or 0."""
    while position:
        start = max(0, position - BLOCK)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0
