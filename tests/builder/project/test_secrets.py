"""Secrets are found by their shape, placeholders are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builder.sources import secrets
from builder.sources.secrets import find_secret, is_env_file

if TYPE_CHECKING:
    from pathlib import Path

# put together here, so that no scanner takes this file for a leak
LETTERS = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6"
TOKENS = [
    "AK" + "IAIOSFODNN7EXAMPLE",
    "AI" + "za" + LETTERS[:35],
    "gh" + "p_" + LETTERS[:36],
    "gl" + "pat-" + LETTERS[:20],
    "h" + "f_" + LETTERS[:34],
    "n" + "v-" + LETTERS[:32],
    "s" + "k-proj-" + LETTERS,
    "xo" + "xb-" + LETTERS[:24],
    "py" + "pi-AgE" + LETTERS + "_-",
]
KEYS = ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]


def found(tmp_path: Path, content: str | bytes, name: str = "file.txt") -> int | None:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    finding = find_secret(file)
    return finding.line if finding else None


@pytest.mark.parametrize("token", TOKENS)
def test_tokens(tmp_path: Path, token: str) -> None:
    assert found(tmp_path, f'\nkey = "{token}"\n') == 2


@pytest.mark.parametrize("kind", KEYS)
def test_private_keys(tmp_path: Path, kind: str) -> None:
    assert found(tmp_path, b"\0\n\0-----BEGIN " + kind.encode() + b"-----\n") == 2


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PUBLIC KEY-----",
        "sk-" + "x" * 48,
        "sk-" + "0" * 48,
        "sk-your-own-key-from-the-page-of-the-provider",
        "hf_your_token",
        "task-" + LETTERS,
        "GEMINI_API_KEY=your_gemini_api_key_here",
        "",
    ],
)
def test_placeholders_and_other_text(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) is None


def test_a_token_across_two_pieces_of_a_long_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "LINE_LIMIT", 100)
    assert found(tmp_path, "\n\n" + "." * 80 + TOKENS[2] + "." * 80) == 3


@pytest.mark.parametrize("name", [".env", ".env.local", "prod.env", ".ENV"])
def test_env_files_by_name(name: str) -> None:
    assert is_env_file(f"folder/{name}", "x")
    assert is_env_file("x", name)


@pytest.mark.parametrize("name", [".env.example", ".env.sample", "example.env", ".env.template", "env", "env.py"])
def test_harmless_names(name: str) -> None:
    assert not is_env_file(f"folder.env/{name}")
