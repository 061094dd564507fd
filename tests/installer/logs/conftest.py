"""Fixtures for tests that send log lines to a collector."""

from __future__ import annotations

import pytest

from installer.logs import runlog, syslog
from installer.logs.collector_address import parse_address
from tests.installer.logs.receiving import Server


@pytest.fixture
def state(tmp_path, monkeypatch):
    """Give each test a spool of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(params=[False, True], ids=["udp", "tcp"])
def server(request):
    """Serve over UDP and over TCP; ``sending`` comes after it and so ends before it."""
    made = Server(is_tcp=request.param)
    yield made
    made.close()


@pytest.fixture
def sending():
    """Log to collectors until the test ends."""
    begun = []

    def begin(text):
        address = parse_address(text)
        collector = syslog.collector_for(address, "install")
        runlog.send_to(collector, runlog.Lines("install", address.limit))
        begun.append(collector)
        return collector

    yield begin
    runlog.end(begun)
