from __future__ import annotations

from tests.validator.looking import look, release_of
from validator.check import FAIL, PASS
from validator.checks import system_paths
from validator.checks.system_paths import PathLength, length_of


def test_paths_that_fit(prefix) -> None:
    assert look(PathLength, prefix).status == PASS


def test_the_longest_path_is_named(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_paths, "limit_of", lambda folder: len(str(folder)) + 10)
    result = look(PathLength, prefix)
    assert result.status == FAIL
    assert str(release_of(prefix).path) in result.details


def test_posix_counts_bytes(tmp_path) -> None:
    assert length_of(str(tmp_path / "질문")) == length_of(str(tmp_path)) + 7
