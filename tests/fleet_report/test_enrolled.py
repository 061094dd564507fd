"""The keys of a fleet, in OpenSSH's allowed_signers format."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from fleet import enrolled
from fleet.statement import NAMESPACES, RECEIPT, REPORT
from shared.errors import TrustError, UsageError
from tests.fleet_report.made import NOW, Host

HOST = Host("host-1")
KEY = HOST.signer.key


def read(text: str) -> enrolled.Enrolled:
    return enrolled.parse(text.encode(), "keys")


def test_what_is_written_is_read() -> None:
    (found,) = read(HOST.line).of(KEY)
    assert (found.principal, found.key) == ("host-1", KEY)
    assert all(found.allows(namespace, NOW) for namespace in NAMESPACES.values())
    assert not found.allows("ragtrace-release@v1", NOW)


@pytest.mark.parametrize("asset", ["plain", "자산-7", "two words", 'quo"te', "a,b", "a*", "100%", "#1", "a\u00a0b"])
def test_every_asset_name_has_one_form(asset) -> None:
    line = enrolled.line_for(asset, KEY)
    assert read(line).principals == {enrolled.principal(asset)}
    assert enrolled.principal(asset) != enrolled.principal(asset + "%")


def test_comments_options_and_times() -> None:
    text = f'# all hosts\n\n a,b valid-after="20260101",valid-before="20270101000000Z" {KEY.line("a comment")}\r\n'
    found = read(text).of(KEY)
    assert [one.principal for one in found] == ["a", "b"]
    assert found[0].namespaces is None
    assert found[0].end == datetime(2027, 1, 1, tzinfo=timezone.utc)
    assert found[0].allows(NAMESPACES[REPORT], NOW)
    assert not found[0].allows(NAMESPACES[RECEIPT], datetime(2027, 1, 1, 0, 0, 1, tzinfo=timezone.utc))
    assert not found[0].allows(NAMESPACES[RECEIPT], datetime(2025, 1, 1, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "enrolls no key"),
        ("# nothing\n", "enrolls no key"),
        ("host-1\n", "line 1: it has no key"),
        ("\nhost-* KEY\n", "line 2: its name is a pattern"),
        ('"host 1" KEY\n', "line 1: its name is a pattern or in quotes"),
        ("host-1 cert-authority KEY\n", "line 1: its options are not supported: cert-authority"),
        ('host-1 namespaces="ragtrace-*" KEY\n', "line 1: its options"),
        ('host-1 valid-before="tomorrow" KEY\n', "line 1: tomorrow is not a time"),
        ("host-1 ssh-ed25519 AAAA\n", "line 1: The public key"),
        ("host-1 ssh-rsa AAAAB3NzaC1yc2E=\n", "line 1: The public key"),
    ],
)
def test_anything_else_is_refused_by_its_line(text, message) -> None:
    with pytest.raises(TrustError, match=message):
        read(text.replace("KEY", KEY.line()))


def test_a_file_that_is_not_text(tmp_path) -> None:
    with pytest.raises(TrustError, match="line 2: it is not UTF-8"):
        enrolled.parse(HOST.line.encode() + b"\xff\n", "keys")
    with pytest.raises(UsageError, match="none"):
        enrolled.read(tmp_path / "none")
