"""The address of a log collector, as it is given and as it is passed on."""

from __future__ import annotations

import os

import pytest

from installer.logs.collector_address import Address, parse_address
from shared.errors import UsageError


@pytest.mark.parametrize(
    ("text", "host", "port", "is_tcp"),
    [
        ("logs.example:514", "logs.example", 514, False),
        ("udp://10.0.0.1:1514", "10.0.0.1", 1514, False),
        ("tcp://logs:601", "logs", 601, True),
        ("tcp://[::1]:601", "::1", 601, True),
    ],
)
def test_an_address(text, host, port, is_tcp):
    address = parse_address(text)
    assert address == Address(host, port, "tcp" if is_tcp else "udp")
    assert parse_address(str(address)) == address


def test_an_address_with_files():
    address = parse_address("tls://logs:6514?ca=/a b/ca.pem&cert=host.pem&key=/k%26.pem")
    assert (address.ca, address.cert, address.key) == ("/a b/ca.pem", os.path.abspath("host.pem"), "/k&.pem")
    assert parse_address(str(address)) == address
    assert address.short == "tls://logs:6514"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "logs",
        "logs:",
        ":514",
        "logs:0",
        "logs:65536",
        "http://logs:514",
        "tcp://u:p@logs:1",
        "a:1/x",
        "[:1",
        "tcp://a:1?ca=x",
        "tls://a:1?key=x",
        "tls://a:1?cb=x",
        "tls://a:1?ca=",
        "tls://a:1?ca=x&ca=y",
        "a..b:514",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(UsageError, match="not a valid log collector address"):
        parse_address(text)
