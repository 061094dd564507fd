from dataclasses import replace

import pytest

from bootstrap import api
from bundle.signing.signature import ED25519
from installer.layout.prefix import Prefix
from installer.trust import authority
from installer.trust.state import read_state
from shared.errors import HostError, TrustError, UsageError
from tests.keys import SoftKey
from tests.policies import lay, make_policy

A, B, ROOT, HEIR = (SoftKey(ED25519) for _key in range(4))
ONE = make_policy(1, [A.key, B.key], [ROOT.key])
TWO = make_policy(2, [B.key], [HEIR.key])  # A is revoked, ROOT hands over


@pytest.fixture
def medium(tmp_path):
    lay(tmp_path / "medium", ONE, ROOT)
    lay(tmp_path / "medium", TWO, ROOT, HEIR)
    return tmp_path / "medium"


def numbers(taken):
    return [signed.policy.number for signed in taken]


def test_an_administrator_walks_the_chain(medium, trust_stores):
    taken = api.update_trust([medium], trusted_keys=[ROOT.key.line()])
    assert numbers(taken) == [1, 2]
    assert authority.authority(trust_stores) == authority.Authority(TWO, authority.HOST)
    assert authority.host_memory(trust_stores).policy == 2
    assert numbers(api.update_trust([medium])) == []
    assert not authority.host_memory(trust_stores).rebuilt  # nothing was lost


def test_files_are_taken_with_the_signatures_beside_them(medium, trust_stores):
    api.update_trust([medium / "policy-1.json"], trusted_keys=[ROOT.key.line()])
    assert numbers(api.update_trust([medium / "policy-2.json"])) == [2]


def test_the_first_needs_the_operators_word(medium, trust_stores):
    with pytest.raises(TrustError, match="has no trusted signature"):
        api.update_trust([medium])
    assert authority.host_policy(trust_stores) is None


def test_an_older_policy_never_comes_back(medium, trust_stores, tmp_path):
    api.update_trust([medium], trusted_keys=[ROOT.key.line()])
    with pytest.raises(TrustError, match="older than policy 2"):
        api.update_trust([medium / "policy-1.json"])
    for path in trust_stores.host.glob("policy-2*"):
        path.unlink()
    with pytest.raises(TrustError, match="policy 2 was in force and is missing"):
        api.update_trust([medium / "policy-1.json"])


def test_a_refused_chain_changes_nothing(medium, trust_stores):
    api.update_trust([medium / "policy-1.json"], trusted_keys=[ROOT.key.line()])
    (medium / f"policy-2.json.{ROOT.key.keyid}.sig").unlink()
    lay(medium, make_policy(3, [A.key], [HEIR.key]), HEIR)
    before = sorted(path.name for path in trust_stores.host.iterdir())
    with pytest.raises(TrustError, match="Trusted signatures required"):
        api.update_trust([medium])
    assert sorted(path.name for path in trust_stores.host.iterdir()) == before
    assert authority.host_policy(trust_stores) == ONE


def test_a_revoked_key_signs_nothing_any_more(tiny, medium, trust_stores, tmp_path):
    key = authority.read_key(str(tiny.key))
    lay(tmp_path / "ours", make_policy(1, [key], [ROOT.key]), ROOT)
    api.update_trust([tmp_path / "ours"], trusted_keys=[ROOT.key.line()])
    assert [signer.key for signer in api.open_bundle(tiny.folder).signers] == [key]
    lay(tmp_path / "ours", make_policy(2, [A.key], [ROOT.key]), ROOT)
    api.update_trust([tmp_path / "ours"])
    with pytest.raises(TrustError, match="is an untrusted key"):
        api.open_bundle(tiny.folder)


def as_a_user(trust_stores, monkeypatch):
    monkeypatch.setattr("bootstrap.api.here.host_trust_stores", lambda: replace(trust_stores, privileged=False))


def test_a_user_cannot_change_the_hosts_policy(medium, trust_stores, monkeypatch):
    as_a_user(trust_stores, monkeypatch)
    with pytest.raises(HostError, match="only an administrator"):
        api.update_trust([medium], trusted_keys=[ROOT.key.line()])


def test_a_user_may_tighten_his_own_installation(tiny, medium, trust_stores, tmp_path, monkeypatch):
    prefix = Prefix(tmp_path / "app")
    prefix.make()
    as_a_user(trust_stores, monkeypatch)
    taken = api.update_trust([medium], prefix.root, only_prefix=True, trusted_keys=[ROOT.key.line()])
    assert numbers(taken) == [1, 2]
    assert authority.prefix_policy(prefix.trust) == TWO
    with pytest.raises(TrustError, match="is an untrusted key"):
        api.install(api.open_bundle(tiny.folder, trusted_keys=[str(tiny.key)]), prefix.root)


def test_what_does_not_exist(tmp_path, trust_stores):
    with pytest.raises(UsageError, match="does not exist"):
        api.update_trust([tmp_path / "nothing"])
    with pytest.raises(TrustError, match="No policy was found"):
        api.update_trust([tmp_path])


def test_the_state_of_trust(medium, trust_stores, monkeypatch):
    monkeypatch.delenv("RAGTRACE_ZIPAPP", raising=False)
    assert read_state(trust_stores, None).authority is None
    api.update_trust([medium], trusted_keys=[ROOT.key.line()])
    facts = read_state(trust_stores, None).to_json()
    assert (facts["source"], facts["policy"]["number"]) == ("host", 2)
    assert facts["policy"]["roles"]["release"] == {"threshold": 1, "keys": [B.key.keyid]}
    assert facts["policy"]["keys"][0]["fingerprint"] == B.key.fingerprint
