from __future__ import annotations

import pytest

from tests.validator.fake_registry import FakeRegistry
from tests.validator.looking import look, release_of
from validator.check import FAIL, PASS
from validator.checks.system import paths as system_paths
from validator.checks.system.paths import FILE_SYSTEM, PathLength, length_of, long_paths_allowed
from validator.checks.windows_settings import MACHINE


def test_paths_that_fit(prefix) -> None:
    assert look(PathLength, prefix).status == PASS


def test_the_longest_path_is_named(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_paths, "limit_of", lambda folder: len(str(folder)) + 10)
    result = look(PathLength, prefix)
    assert result.status == FAIL
    assert str(release_of(prefix).path) in result.details


@pytest.mark.parametrize(("value", "allowed"), [(None, False), (0, False), (1, True)])
def test_windows_opens_long_paths_where_it_was_set_to(monkeypatch, value, allowed) -> None:
    registry = FakeRegistry().serve(monkeypatch, system_paths)
    registry.set(MACHINE, FILE_SYSTEM, LongPathsEnabled=value)
    assert long_paths_allowed() is allowed
    registry.closed.add((MACHINE, FILE_SYSTEM))
    assert not long_paths_allowed()


def test_posix_counts_bytes(tmp_path) -> None:
    assert length_of(str(tmp_path / "질문")) == length_of(str(tmp_path)) + 7
