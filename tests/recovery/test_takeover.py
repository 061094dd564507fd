"""Files that are taken over keep bytes and times, and only what the receipt says goes through."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from bootstrap import receipt
from bootstrap.errors import InstallError
from bootstrap.prefix import Release
from recovery import takeover


@pytest.fixture
def items(host):
    return list(takeover.good_items(receipt.read_receipt(host.release), (), frozenset({"tiny-lib"})))


def test_packages_are_taken_whole_but_for_those_installed_anew(items):
    owners = {item.owner for item in items}
    assert owners == {"tiny-math", "tiny-text", "tiny-unused"}
    assert any(item.path.endswith(".pyc") for item in items)


@pytest.mark.parametrize("links", [True, False])
def test_bytes_and_times_stay(host, items, tmp_path, monkeypatch, links):
    if not links:

        def refused(source, target):
            raise PermissionError

        monkeypatch.setattr(os, "link", refused)
    new = Release(tmp_path / "1-0123456789ab-r2")
    takeover.take_over(items, host.release, new)
    for item in items:
        source, target = host.release.path / item.path, new.path / item.path
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
        assert (target.stat().st_ino == source.stat().st_ino) == links


def test_bytecode_that_changed_since_it_was_looked_at_is_refused(host, items, tmp_path):
    bytecode = next(item for item in items if item.path.endswith(".pyc"))
    wrong = replace(bytecode, content="0" * 64)
    with pytest.raises(InstallError, match="changed"):
        takeover.take_over([wrong], host.release, Release(tmp_path / "1-0123456789ab-r2"))
