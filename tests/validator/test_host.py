from __future__ import annotations

from validator import host


def test_the_host_is_told_apart_without_its_name(monkeypatch) -> None:
    import socket

    identity = host.host_id()
    assert len(identity) == 16
    assert socket.gethostname() not in identity
    assert identity == host.host_id()


def test_a_host_whose_name_is_no_text_is_told_apart_too(monkeypatch) -> None:
    def missing(*_arguments):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    monkeypatch.setattr("socket.gethostname", lambda: "h\udcff")
    assert len(host.host_id()) == 16
