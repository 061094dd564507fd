from __future__ import annotations

import os

import pytest

from tests.validator.checking import look
from validator.check import ERROR, FAIL, PASS
from validator.checks.security import secrets as security_secrets
from validator.checks.security.secrets import Secrets

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
KEY = "AIza" + "x" * 35


@pytest.fixture
def prefix(prefix, monkeypatch):
    """An installation that every user of the host can reach."""
    real = security_secrets.status_of
    above = set(prefix.root.parents)
    monkeypatch.setattr(security_secrets, "status_of", lambda path: 0o40755 if path in above else real(path))
    prefix.root.chmod(0o755)
    prefix.data.chmod(0o755)
    return prefix


def write(prefix, text: str, mode: int = 0o644) -> str:
    path = prefix.data / "notes.txt"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_no_secrets(prefix) -> None:
    write(prefix, "sk-short AIza")
    assert look(Secrets, prefix).status == PASS


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "AKIA" + "A" * 16,
        "sk-" + "a" * 40,
        "hf_" + "a" * 34,
        "ghp_" + "a" * 36,
        "glpat-" + "a" * 20,
    ],
)
def test_what_looks_like_a_key_and_can_be_read_by_all(prefix, text) -> None:
    path = write(prefix, f"log: {text}\n")
    result = look(Secrets, prefix)
    assert result.status == FAIL
    assert result.evidence["files"] == [path]
    assert text not in str(result.to_json())


def test_a_key_of_the_settings_in_a_log(prefix) -> None:
    prefix.env_file.write_text("DEMO_API_KEY=open-sesame\n")
    write(prefix, "request with open-sesame failed\n")
    result = look(Secrets, prefix)
    assert result.status == FAIL
    assert "DEMO_API_KEY" in result.details
    assert "open-sesame" not in str(result.to_json())


def test_the_example_value_is_no_secret(prefix) -> None:
    prefix.env_file.write_text("DEMO_API_KEY=your-key\n")
    write(prefix, "your-key\n")
    assert look(Secrets, prefix).status == PASS


def test_private_files_and_folders_may_hold_them(prefix) -> None:
    write(prefix, KEY, 0o600)
    assert look(Secrets, prefix).status == PASS
    write(prefix, KEY)
    prefix.data.chmod(0o700)
    assert look(Secrets, prefix).status == PASS


def test_a_file_that_cannot_be_read_is_no_pass(prefix, monkeypatch) -> None:
    write(prefix, "x")

    def refuse(*_arguments) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(security_secrets, "kind_of", refuse)
    assert look(Secrets, prefix).status == ERROR
