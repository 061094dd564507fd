import errno
import os
import zipfile
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bundle.signing.policy import pins
from bundle.signing.signature import ED25519
from installer import trust
from installer.trust import authority, memory
from shared.errors import HostError, TrustError, UsageError
from tests.keys import SoftKey
from tests.policies import lay, make_policy

NOBODY = 65534
HOST, PIN, OPERATOR, ROOT = (SoftKey(ED25519) for _key in range(4))


@pytest.fixture(autouse=True)
def no_zipapp(monkeypatch):
    monkeypatch.delenv("RAGTRACE_ZIPAPP", raising=False)


@pytest.fixture
def pinned(tmp_path, monkeypatch):
    path = tmp_path / "installer.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("policy.json", pins([PIN.key]).to_bytes())
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(path))
    return path


@pytest.fixture
def host(trust_stores):
    policy = make_policy(1, [HOST.key], [ROOT.key])
    lay(trust_stores.host, policy, ROOT)
    return policy


def refusal(*arguments):
    with pytest.raises(TrustError) as caught:
        authority.authority(*arguments)
    assert caught.value.advice
    return caught.value.what


def test_without_any_policy_nothing_is_accepted(trust_stores):
    assert "no trusted keys" in refusal(trust_stores)


def test_a_zipapp_without_pins_accepts_nothing(trust_stores, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bare.pyz", "w"):
        monkeypatch.setenv("RAGTRACE_ZIPAPP", str(tmp_path / "bare.pyz"))
    assert "no trusted keys" in refusal(trust_stores)


def test_a_zipapp_whose_end_cannot_be_read_is_no_fault_of_its_bytes(trust_stores, pinned, monkeypatch):
    def refuse(_file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(zipfile, "_EndRecData", refuse)
    with pytest.raises(HostError, match="Input/output error"):
        authority.authority(trust_stores)


def test_the_operators_keys_serve_where_there_are_no_others(trust_stores, tmp_path):
    (tmp_path / "key.pub").write_text(OPERATOR.key.line("me") + "\n")
    for key in (OPERATOR.key.line(), str(tmp_path / "key.pub")):
        found = authority.authority(trust_stores, [key])
        assert found == authority.Authority(pins([OPERATOR.key]), authority.OPERATOR)


def test_pins_stand_above_the_operators_keys(trust_stores, pinned):
    assert authority.authority(trust_stores) == authority.Authority(pins([PIN.key]), authority.PINNED)
    assert "has embedded signer keys" in refusal(trust_stores, [OPERATOR.key.line()])


def test_the_hosts_policy_stands_above_all(trust_stores, pinned, host):
    assert authority.authority(trust_stores) == authority.Authority(host, authority.HOST)
    assert "This host has a policy" in refusal(trust_stores, [OPERATOR.key.line()])


def test_a_policy_that_does_not_count_is_not_passed_over(trust_stores, pinned, host):
    assert "belongs to another user" in refusal(replace(trust_stores, owner=trust_stores.owner + 1))


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize(
    "name", ["policy-1.json", f"policy-1.json.{ROOT.key.keyid}.sig", "."], ids=["policy", "signature", "folder"]
)
def test_a_writable_part_of_it_is_refused(trust_stores, pinned, host, name):
    place = trust_stores.host / name
    place.chmod(place.stat().st_mode | 0o002)
    assert "is writable by other users" in refusal(trust_stores)


def test_a_policy_that_is_gone_is_missed(trust_stores, pinned, host):
    memory.remember(trust_stores.host, policy=1)
    for path in trust_stores.host.glob("policy-1*"):
        path.unlink()
    assert "policy 1 was in force and is missing" in refusal(trust_stores)


@contextmanager
def closed_to_us(folder):
    """Let this process be one that may not enter a folder, and nothing below the tests' own folder when root."""
    mode = folder.stat().st_mode
    folder.chmod(0)
    user = os.geteuid()
    try:
        os.seteuid(NOBODY if user == 0 else user)
        yield
    finally:
        os.seteuid(user)
        folder.chmod(mode)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_folder_that_cannot_be_read_is_not_passed_over(trust_stores, pinned, host):
    with closed_to_us(trust_stores.host):
        assert "cannot be read" in refusal(trust_stores)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_folder_that_cannot_be_entered_is_not_taken_for_none(trust_stores, pinned, tmp_path):
    memory.remember(trust_stores.make_own(), counters={"tiny": 5})
    with closed_to_us(trust_stores.host.parent):
        assert "cannot be read" in refusal(trust_stores)
        for inspect in (
            lambda: authority.host_memory(trust_stores),
            lambda: authority.prefix_policy(trust_stores.host),
        ):
            with pytest.raises(TrustError, match="cannot be read"):
                inspect()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_who_may_not_enter_a_home_remembers_nothing_there(trust_stores):
    trust_stores.user.mkdir(parents=True)
    with closed_to_us(trust_stores.user.parent):
        assert authority.user_memory(trust_stores) == memory.Memory()


def test_a_damaged_policy_is_not_passed_over(trust_stores, pinned, host):
    path = trust_stores.host / "policy-1.json"
    path.write_bytes(path.read_bytes().replace(b'"threshold": 1', b'"threshold": 0'))
    assert "threshold" in refusal(trust_stores)


def test_a_flood_is_not_read(trust_stores, pinned, host):
    (trust_stores.host / "policy-1.json").write_bytes(b" " * (2 << 20))
    assert "larger than" in refusal(trust_stores)


def test_a_damaged_zipapp(trust_stores, tmp_path, monkeypatch):
    (tmp_path / "bad.pyz").write_text("not a zip")
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(tmp_path / "bad.pyz"))
    assert "cannot be read" in refusal(trust_stores)


def test_where_this_host_keeps_its_policy(monkeypatch, tmp_path):
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME", "PROGRAMDATA", "RAGTRACE_TRUST"):
        monkeypatch.setenv(name, str(tmp_path))
    if os.name == "posix":
        host = trust.stores.host_trust_stores().host
        assert host.parts[-3:] == ("etc", "ragtrace", "trust")
        assert not host.is_relative_to(tmp_path)


def test_the_prefixes_own_policy(tmp_path):
    assert authority.prefix_policy(tmp_path / "trust") is None
    policy = make_policy(4, [HOST.key], [ROOT.key])
    lay(tmp_path / "trust", policy, ROOT)
    assert authority.prefix_policy(tmp_path / "trust") == policy


@pytest.mark.parametrize("content", [b"\xff", b"x" * 5000])
def test_a_file_that_is_no_key(trust_stores, tmp_path, content):
    (tmp_path / "key.pub").write_bytes(content)
    with pytest.raises(UsageError, match=r"key\.pub is not a public key"):
        authority.authority(trust_stores, [str(tmp_path / "key.pub")])
