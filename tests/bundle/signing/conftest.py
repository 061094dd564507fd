"""A key of each kind that can sign, and two that ssh-keygen made."""

from __future__ import annotations

import pytest

from tests.keys import ALL_KINDS, SoftKey, keygen


@pytest.fixture(scope="module")
def soft():
    return [SoftKey(kind) for kind in ALL_KINDS]


@pytest.fixture
def keys(soft):
    return [one.key for one in soft]


@pytest.fixture(scope="module")
def key_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keygen("-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", folder / "ed25519")
    keygen("-q", "-t", "ecdsa", "-b", "256", "-N", "", "-C", "", "-f", folder / "ecdsa")
    return folder
