"""The desk of who signs: a folder to stand in, a day, a state of one's own, a key."""

from __future__ import annotations

import pytest

from builder.signing.sign import generate_key


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780315200")  # 2026-06-01 12:00
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def signer(tmp_path):
    return generate_key(tmp_path / "key", None)
