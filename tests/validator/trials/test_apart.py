from __future__ import annotations

import sys

import pytest

from shared.processes import process
from validator.trials import apart

LOOK = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
    try:
        out.connect(("192.0.2.1", 9))  # RFC 5737; a route is enough for it to succeed
    except OSError:
        print("cut off")
"""


@pytest.fixture(autouse=True)
def asked_anew():
    apart.possible.cache_clear()
    yield
    apart.possible.cache_clear()


def test_a_program_has_loopback_and_nothing_else() -> None:
    argv, is_cut_off = apart.without_network([sys.executable, "-c", LOOK])
    if not is_cut_off:
        pytest.skip("this host does not let a program be cut off")
    ended = process.run(argv, timeout=30)
    assert (ended.returncode, ended.stdout) == (0, "cut off\n"), ended.stderr


def test_where_it_is_forbidden_the_program_runs_as_it_is(monkeypatch) -> None:
    monkeypatch.setattr(apart, "ENTER", "import sys; sys.exit('unshare: Operation not permitted')")
    assert apart.without_network(["/bin/true"]) == (["/bin/true"], False)


def test_other_systems_cannot(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not apart.possible()
