from __future__ import annotations

import sys

import pytest

from bootstrap.commands.common import user_logs
from installer.layout.location.finding import default_root
from shared.files import folders


@pytest.mark.skipif(sys.platform != "linux", reason="variables of the XDG Base Directory Specification")
def test_linux_follows_the_users_variables(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_root() == folders.user_data("ragtrace") == tmp_path / "data" / "ragtrace"
    assert user_logs().parent == folders.user_state("ragtrace") == tmp_path / "state" / "ragtrace"
