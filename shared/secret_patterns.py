"""Patterns of secrets: the builder refuses files that match them, and validate searches an installation for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CREDENTIAL = re.compile(r"key|token|secret|password|passwd|credential", re.IGNORECASE)  # in the name of a setting
LONGEST = 520  # bytes of the longest token that is recognised
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]")
# prefixes that the issuers document for secret scanning
_TOKENS = (
    ("AWS access key", rb"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    ("Google API key", rb"AIza[A-Za-z0-9_-]{35}"),
    ("GitHub token", rb"gh[oprsu]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{50,251}"),
    ("GitLab token", rb"glpat-[A-Za-z0-9_-]{20,64}"),
    ("Hugging Face token", rb"hf_[A-Za-z0-9]{30,64}"),
    ("CLOVA Studio key", rb"nv-[A-Za-z0-9]{32,128}"),
    ("npm token", rb"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", rb"pypi-AgE[A-Za-z0-9_-]{50,512}"),
    ("API key", rb"sk-[A-Za-z0-9_-]{32,256}"),  # OpenAI, Anthropic
    ("Stripe key", rb"[rs]k_live_[A-Za-z0-9]{20,128}"),
    ("Slack token", rb"xox[abeoprs]-[A-Za-z0-9-]{20,128}"),
)
_ANY = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:" + b"|".join(b"(" + shape + b")" for _kind, shape in _TOKENS) + rb")(?![A-Za-z0-9])"
)


def tokens(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the access tokens in some bytes, including placeholders of the same pattern: (kind, token)."""
    for match in _ANY.finditer(data):
        assert match.lastindex is not None  # one of the patterns matched
        yield _TOKENS[match.lastindex - 1][0], match[0]


def kind_of(data: bytes) -> str | None:
    """Return the kind of a secret in some bytes, or None if they contain none."""
    return "private key" if PRIVATE_KEY.search(data) else next((kind for kind, _token in tokens(data)), None)
