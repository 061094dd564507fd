"""Secrets that must not travel: env files, private keys, tokens of known shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

LINE_LIMIT = 1 << 20  # bytes read at once; a longer line is read in overlapping pieces
OVERLAP = 512
DISTINCT = 8  # a token with fewer different characters is a placeholder (sk-xxxx…)
_HARMLESS = ("example", "template", "sample", "dist")
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]")
# Prefixes that the issuers document for secret scanning.
_TOKEN = re.compile(
    rb"""(?x)(?<![A-Za-z0-9_-])(?:
      (?:AKIA|ASIA)[A-Z0-9]{16}              # AWS access key
    | AIza[A-Za-z0-9_-]{35}                  # Google API key
    | gh[oprsu]_[A-Za-z0-9]{36,251}          # GitHub
    | github_pat_[A-Za-z0-9_]{50,251}
    | glpat-[A-Za-z0-9_-]{20,64}             # GitLab
    | hf_[A-Za-z0-9]{30,64}                  # Hugging Face
    | nv-[A-Za-z0-9]{32,128}                 # CLOVA Studio
    | npm_[A-Za-z0-9]{36}
    | pypi-AgE[A-Za-z0-9_-]{50,512}          # Python package indexes
    | sk-[A-Za-z0-9_-]{32,256}               # OpenAI, Anthropic
    | [rs]k_live_[A-Za-z0-9]{20,128}         # Stripe
    | xox[abeoprs]-[A-Za-z0-9-]{20,128}      # Slack
    )(?![A-Za-z0-9])"""
)


@dataclass(frozen=True)
class Finding:
    """A secret: what it is, and its line, 0 when the file itself is one."""

    kind: str
    line: int


def find_secret(file: Path) -> Finding | None:
    """Return the first secret of a file, or None."""
    if _is_env_file(file.name):
        return Finding(_("settings for one machine"), 0)
    line, begins, tail = 1, True, b""
    with file.open("rb") as stream:
        for piece in iter(lambda: stream.readline(LINE_LIMIT), b""):
            text = piece if begins else tail + piece
            if _PRIVATE_KEY.search(text):
                return Finding(_("a private key"), line)
            if any(_is_real(match[0]) for match in _TOKEN.finditer(text)):
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
