"""What a repair may take from: dates stop nothing, and a policy that does not count is never taken for none."""

import pytest

from bundle.signing.signature import ED25519
from installer.layout.prefix import Prefix
from installer.trust import memory
from installer.trust.authority import read_key
from installer.trust.available import Available, find_available
from shared.errors import TrustError, UsageError
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.tiny import COUNTER, PRODUCT, tiny_bundle

ROOT = SoftKey(ED25519)


@pytest.fixture
def empty(tmp_path):
    return Prefix(tmp_path / "empty")


@pytest.fixture
def running(tiny, monkeypatch):
    """Let this code run from the zipapp of the bundle, which pins nothing."""
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(tiny.folder / "ragtrace-install.pyz"))
    monkeypatch.setattr("installer.trust.authority.pinned_policy", lambda _zipapp: None)


def trust(tiny, trust_stores):
    lay(trust_stores.host, make_policy(1, [read_key(str(tiny.key))], [ROOT.key]), ROOT)


def test_a_named_bundle(tiny, empty, trust_stores):
    found = find_available(empty, tiny.folder, [str(tiny.key)], trust_stores)
    assert found.admit().manifest == tiny.manifest
    assert found.admit().remembered
    assert found.policy is not None


def test_a_bundle_beside_the_zipapp(tiny, empty, trust_stores, running):
    trust(tiny, trust_stores)
    assert find_available(empty, None, [], trust_stores).admit().bundle.location == tiny.archive


def test_a_named_bundle_that_may_not_be_installed_is_refused_and_one_beside_is_left(tiny, empty, trust_stores, running):
    trust(tiny, trust_stores)
    memory.remember(trust_stores.host, counters={PRODUCT: COUNTER + 1})
    with pytest.raises(TrustError, match="older than the release that this host accepted"):
        find_available(empty, tiny.folder, [], trust_stores).admit()
    left = find_available(empty, None, [], trust_stores)
    assert left.admit() is None
    assert left.policy is not None


def test_with_nobody_to_trust_there_is_nothing_at_hand(tiny, empty, trust_stores, running):
    assert find_available(empty, None, [], trust_stores) == Available()
    with pytest.raises(TrustError, match="no trusted keys"):
        find_available(empty, tiny.folder, [], trust_stores)


def test_what_is_not_there(tmp_path, tiny, empty, trust_stores):
    with pytest.raises(UsageError, match="does not exist"):
        find_available(empty, tmp_path / "none", [str(tiny.key)], trust_stores)


@pytest.mark.parametrize("named", [True, False])
def test_a_policy_that_does_not_count_is_not_taken_for_none(tiny, empty, trust_stores, running, named):
    trust(tiny, trust_stores)
    policy = trust_stores.host / "policy-1.json"
    policy.write_bytes(policy.read_bytes() + b" ")
    with pytest.raises(TrustError, match="policy-1"):
        find_available(empty, tiny.folder if named else None, [], trust_stores)


def test_a_clock_that_is_behind_is_told_and_stops_nothing(tmp_path, empty, trust_stores, monkeypatch):
    tiny = tiny_bundle(tmp_path / "made")
    monkeypatch.setattr("installer.trust.admission.is_ahead", lambda _manifest, _now: True)
    found = find_available(empty, tiny.folder, [str(tiny.key)], trust_stores).admit()
    assert "this host's clock says" in found.warnings[0]
    assert not found.remembered
