"""Detect what must not be bundled: env files by name; private keys and tokens of known formats by content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from shared import secret_patterns
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

LINE_LIMIT = 1 << 20  # bytes read at once; a longer line is read in overlapping pieces
OVERLAP = secret_patterns.LONGEST
DISTINCT = 8  # a token with fewer different characters is a placeholder (sk-xxxx…)
_HARMLESS = ("example", "template", "sample", "dist")


@dataclass(frozen=True)
class Finding:
    """A secret: its kind and its line."""

    kind: str
    line: int


def find_secret(file: Path) -> Finding | None:
    """Return the first secret in a file, or None if it has none."""
    with file.open("rb") as stream:
        return find_secret_in(stream)


def find_secret_in(stream: IO[bytes]) -> Finding | None:
    """Return the first secret in a stream of bytes, or None if it has none."""
    line, begins, tail = 1, True, b""
    for piece in iter(lambda: stream.readline(LINE_LIMIT), b""):
        text = piece if begins else tail + piece
        if secret_patterns.PRIVATE_KEY.search(text):
            return Finding(_("a private key"), line)
        if any(_is_real(token) for _kind, token in secret_patterns.tokens(text)):
            return Finding(_("an access token"), line)
        begins, tail = piece.endswith(b"\n"), piece[-OVERLAP:]
        line += begins
    return None


def is_env_file(*paths: str) -> bool:
    """Return whether a path, or the path of the file that a link leads to, is that of settings of this machine."""
    return any(_is_env_name(path.rpartition("/")[2].lower()) for path in paths)


def _is_env_name(name: str) -> bool:
    parts = name.split(".")
    if parts[0] in _HARMLESS or parts[-1] in _HARMLESS:
        return False
    return name.startswith(".env.") or name.endswith(".env")


def _is_real(token: bytes) -> bool:
    return len(set(token)) >= DISTINCT and any(0x30 <= byte <= 0x39 for byte in token)
