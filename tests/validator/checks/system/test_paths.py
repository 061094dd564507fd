from __future__ import annotations

import sys
from pathlib import Path

import pytest

from installer.install import preflight, requirements
from installer.install.requirements import FILE_SYSTEM, WINDOWS_LONG_PATH, WINDOWS_PATH, long_paths_allowed
from installer.layout.prefix import Prefix
from shared.windows import MACHINE
from tests.validator.checking import look, release_of
from tests.validator.fake_registry import FakeRegistry
from validator.check import FAIL, PASS
from validator.checks.system import paths as system_paths
from validator.checks.system.paths import PathLength, length_of


def test_paths_that_fit(prefix) -> None:
    assert look(PathLength, prefix).status == PASS


def test_the_longest_path_is_named(prefix, monkeypatch) -> None:
    monkeypatch.setattr(system_paths, "path_limit", lambda folder: len(str(folder)) + 10)
    result = look(PathLength, prefix)
    assert result.status == FAIL
    assert str(release_of(prefix).path) in result.details


@pytest.mark.parametrize(("value", "allowed"), [(None, False), (0, False), (1, True)])
def test_windows_opens_long_paths_where_it_was_set_to(monkeypatch, value, allowed) -> None:
    registry = FakeRegistry().serve(monkeypatch, requirements)
    registry.set(MACHINE, FILE_SYSTEM, LongPathsEnabled=value)
    assert long_paths_allowed() is allowed
    registry.closed.add((MACHINE, FILE_SYSTEM))
    assert not long_paths_allowed()


@pytest.mark.parametrize(("value", "limit"), [(0, WINDOWS_PATH), (1, WINDOWS_LONG_PATH)])
def test_preflight_holds_the_paths_of_windows_to_the_limit_of_validate(prefix, monkeypatch, value, limit) -> None:
    manifest = release_of(prefix).manifest()
    FakeRegistry().serve(monkeypatch, requirements).set(MACHINE, FILE_SYSTEM, LongPathsEnabled=value)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(preflight, "nearest", lambda path: path)
    longest = max(len(entry.inner) for entry in manifest.of_kind("source"))
    room = limit - longest - 40 - len("/releases")
    for length, fits in ((room, True), (room + 1, False)):
        (finding,) = preflight._path_length(manifest, Prefix(Path("/" + "p" * (length - 1))))
        assert finding.fits is fits


def test_posix_counts_bytes(tmp_path) -> None:
    assert length_of(str(tmp_path / "질문")) == length_of(str(tmp_path)) + 7
