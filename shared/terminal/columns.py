"""Text on a terminal, where a Korean character takes two columns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST = 12  # columns; text is never wrapped to less than this width


class HelpFormatter(argparse.HelpFormatter):
    """argparse's formatter, except that it wraps by columns.

    The names of arguments are ASCII in every language, because argparse aligns the text after them by characters.
    """

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None) -> str:
        prefix = _("usage: ") if prefix is None else prefix
        stand_in = "_" * columns(prefix)  # argparse counts its characters
        return super()._format_usage(usage, actions, groups, stand_in).replace(stand_in, prefix, 1)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return list(wrap(text, width))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(wrap(text, width, indent))


def columns(text: str) -> int:
    """Return the number of columns that a string takes: wide characters, such as Korean ones, take two (UAX #11)."""
    if text.isascii() and text.isprintable():
        return len(text)  # avoids importing rich for --version and English help
    from rich.cells import cell_len

    return cell_len(text)


def wrap(text: str, width: int, first: str = "", rest: str | None = None) -> Iterator[str]:
    """Yield text in lines of at most ``width`` columns, with the given indents of the first line and of the others."""
    indent, rest = first, first if rest is None else rest
    shortest = max(LEAST, width - max(columns(first), columns(rest)))
    line = ""
    for word in text.split():
        space = " "
        for piece in _pieces(word, shortest):
            if line and columns(indent) + columns(line) + len(space) + columns(piece) > width:
                yield indent + line
                indent, line = rest, ""
            line = f"{line}{space}{piece}" if line else piece
            space = ""  # the next pieces belong to the same word
    yield (indent + line).rstrip()


def _pieces(word: str, room: int) -> list[str]:
    """Return a word as one piece, or cut into pieces if it is wider than a whole line."""
    if columns(word) <= room:
        return [word]
    from rich.cells import chop_cells

    return chop_cells(word, room)
