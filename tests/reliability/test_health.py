"""A release that does not work is left again, and nobody is told of a switch back that did not happen."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from installer.layout.prefix import Prefix
from installer.logs import audit_log
from shared.errors import InstallError
from shared.files import files
from tests.reliability import invariants, matrix
from tests.reliability import world as worlds


@pytest.fixture
def sick(monkeypatch):
    """Let the look from outside fail."""

    def fail(_prefix, _manifest, _progress):
        raise InstallError("tiny --help does not work (exit code 3): it is ill")

    monkeypatch.setattr("installer.release.acceptance.check_health", fail)


@pytest.mark.parametrize("operation", [worlds.UPGRADE, worlds.ROLLBACK])
def test_a_failed_look_switches_back(world, place, sick, operation):
    prefix = world.start(operation, place)
    before = invariants.Before.of(operation, prefix)
    said = worlds.run(world.argv(operation, prefix.root))
    assert said.code == 5
    assert "it is ill" in said.err
    assert f"The active release is still {before.active}." in said.err
    assert prefix.active().id == before.active
    entry = audit_log.entries(prefix)[-1]
    assert (entry["outcome"], entry["reason"]) == ("failed", "tiny --help does not work (exit code 3): it is ill")
    assert {release.id for release in prefix.complete_releases()} == before.releases
    invariants.check_whole(prefix, before)
    invariants.check_clean(prefix)


def test_a_first_installation_that_fails_its_look_leaves_none(world, place, sick):
    prefix = world.start(worlds.INSTALL, place)
    said = worlds.run(world.argv(worlds.INSTALL, prefix.root))
    assert said.code == 5
    assert "No release is active." in said.err
    assert prefix.named() is None


@pytest.mark.parametrize("operation", [worlds.UPGRADE, worlds.ROLLBACK])
def test_when_switching_back_fails_the_release_named_is_the_active_one(world, place, sick, monkeypatch, operation):
    prefix = world.start(operation, place)
    before, switch = prefix.active(), Prefix.set_current

    def set_current(self, release):
        if release == before:
            raise OSError(errno.EIO, "Input/output error", str(self.current))
        switch(self, release)

    monkeypatch.setattr(Prefix, "set_current", set_current)
    said = worlds.run(world.argv(operation, prefix.root))
    now = prefix.active()
    assert said.code == 5
    assert now != before
    assert matrix.SENTENCE.search(said.err)
    assert "switching back failed: " in said.err
    assert "Input/output error" in said.err
    assert f"The active release is now {now.id}." in said.err
    assert f"still {before.id}" not in said.err


def test_a_switch_that_fails_is_no_switch(world, place, monkeypatch):
    prefix = world.start(worlds.UPGRADE, place)
    before = invariants.Before.of(worlds.UPGRADE, prefix)
    tries: list[Any] = []

    def sync_folder(folder, real=files.sync_folder):
        if folder == prefix.root and prefix.named() and prefix.named().id != before.active and not tries:
            tries.append(folder)
            raise OSError(errno.EIO, "Input/output error", str(folder))
        real(folder)

    monkeypatch.setattr("shared.files.files.sync_folder", sync_folder)
    said = worlds.run(world.argv(worlds.UPGRADE, prefix.root))
    assert (said.code, len(tries)) == (5, 1)
    assert f"The active release is still {before.active}." in said.err
    assert prefix.active().id == before.active
