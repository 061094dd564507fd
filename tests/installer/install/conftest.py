"""Fixtures for tests that install one release after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from tests.tiny import Tiny


@pytest.fixture(scope="module")
def second(tiny: Tiny, tmp_path_factory) -> Tiny:
    """Give the next release of the tiny application, with another questions.csv and a new file of data."""
    sources = {"data/questions.csv": "질문,답,점수\n", "data/more.csv": "a\n"}
    folder = tmp_path_factory.mktemp("second")
    return tiny_bundle(folder, counter=COUNTER + 1, version="1.1.0", sources=sources, key=tiny.key.with_suffix(""))
