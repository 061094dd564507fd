from __future__ import annotations

import shutil

import pytest

from installer.layout.location.finding import default_root, find_prefix
from shared.errors import HostError


def test_the_only_one_is_found_though_it_lost_its_state(prefix, host, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    root = default_root()
    root.mkdir(parents=True)
    found = prefix.root.rename(root / "tiny-app")
    shutil.rmtree(found / "state")
    assert find_prefix(None, allow_lost_state=True).root == found
    with pytest.raises(HostError, match="state"):
        find_prefix(None)
