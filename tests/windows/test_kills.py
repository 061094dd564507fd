"""The installer ended by TerminateProcess: the whole old release or the whole new one, and the user's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.windows import killing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hosts.windows import WindowsHost

pytestmark = [pytest.mark.index, pytest.mark.host]
POINTS = 25
RARE = {"program", "move", "sync"}  # few, and what matters happens there


@pytest.fixture(scope="module")
def host(windows: WindowsHost, small: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> WindowsHost:
    killing.bring(windows, small() / "ragtrace-install.pyz", tmp_path_factory.mktemp("kills"))
    return windows


def test_a_kill_leaves_the_old_release_or_the_new_one(host) -> None:
    results = killing.kill(host, POINTS)
    assert [result for result in results if result["broke"]] == []
    assert len(results) == POINTS
    assert sum(result["hit"] for result in results) >= POINTS - 3  # threads come in another order now and then
    assert {result["kind"] for result in results} >= RARE
    assert {result["operation"] for result in results} == {"install", "upgrade", "rollback", "recover"}


def test_a_commit_that_comes_too_early_is_found(host) -> None:
    results = killing.kill(host, 6, "--kind", "mkdir", "--break")
    assert any("which is not whole" in result["broke"] for result in results)
