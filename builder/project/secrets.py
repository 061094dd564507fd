"""Detect secrets that must not be bundled: env files, private keys, tokens of known formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """A secret: its kind, and its line, or 0 if the whole file is one."""

    kind: str
    line: int


def find_secret(file: Path) -> Finding | None:
    """Return the first secret in a file, or None if it has none."""
    if _is_env_file(file.name):
        return Finding(_("machine-specific settings"), 0)
    line, begins, tail = 1, True, b""
    with file.open("rb") as stream:
        for piece in iter(lambda: stream.readline(LINE_LIMIT), b""):
            text = piece if begins else tail + piece
            if secret_patterns.PRIVATE_KEY.search(text):
                return Finding(_("a private key"), line)
            if any(_is_real(token) for _kind, token in secret_patterns.tokens(text)):
                return Finding(_("an access token"), line)
            begins, tail = piece.endswith(b"\n"), piece[-OVERLAP:]
            line += begins
    return None


def _is_env_file(name: str) -> bool:
    parts = name.lower().split(".")
    if parts[0] in _HARMLESS or parts[-1] in _HARMLESS:
        return False
    return name.lower().startswith(".env.") or name.lower().endswith(".env")


def _is_real(token: bytes) -> bool:
    return len(set(token)) >= DISTINCT and any(0x30 <= byte <= 0x39 for byte in token)
