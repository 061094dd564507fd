"""A key of each kind that can sign."""

from __future__ import annotations

import pytest

from tests.keys import ALL_KINDS, SoftKey


@pytest.fixture(scope="module")
def soft():
    return [SoftKey(kind) for kind in ALL_KINDS]


@pytest.fixture
def keys(soft):
    return [one.key for one in soft]
