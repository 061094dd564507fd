from __future__ import annotations

import pytest

from tests.installed import make_prefix


@pytest.fixture
def prefix(tmp_path):
    return make_prefix(tmp_path)
