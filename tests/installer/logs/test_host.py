from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from installer.logs import host

ROOT = Path(__file__).resolve().parents[3]


def test_the_host_is_told_apart_without_its_name() -> None:
    identity = host.host_id()
    assert len(identity) == 16
    assert socket.gethostname() not in identity
    assert identity == host.host_id()


def test_a_host_whose_name_is_no_text_is_told_apart_too(monkeypatch) -> None:
    def missing(*_arguments):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    monkeypatch.setattr("socket.gethostname", lambda: "h\udcff\n")
    assert len(host.host_id()) == 16
    assert host.machine_id() is None
    assert re.fullmatch(r"h.\?", host.hostname())


@pytest.mark.skipif(sys.platform != "linux", reason="machine-id(5)")
@pytest.mark.parametrize(
    ("stored", "known"),
    [("0123456789abcdef0123456789abcdef\n", True), ("uninitialized\n", False), ("", False), ("0" * 32, False)],
)
def test_only_a_machine_id_that_was_set_is_one(tmp_path, stored, known) -> None:
    """A mount of its own in a namespace of its own, because the path is the system's."""
    (tmp_path / "machine-id").write_text(stored)
    program = "from installer.logs import host; print(host.machine_id())"
    script = f'mount --bind "$1" /etc/machine-id && exec "$2" -c "{program}"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path / "machine-id"), sys.executable]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"no mounts here: {ran.stderr.strip()}")
    shown = ran.stdout.strip()
    assert (re.fullmatch("[0-9a-f]{16}", shown) is not None) is known
    assert stored.strip()[:16] not in shown or not stored
