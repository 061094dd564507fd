import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bootstrap import api
from bundle.opening import open_bundle
from bundle.signing.policy import Policy, Role, Signer, pins
from bundle.signing.signature import ED25519
from bundle.strict import time_from_json
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.trust import memory
from installer.trust.admission import AdmittedBundle, Candidate, Conditions, admit, remember
from installer.trust.authority import read_key
from shared.errors import TrustError
from shared.files.process_lock import is_free
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.tiny import COUNTER, PRODUCT, tiny_bundle

ROOT = SoftKey(ED25519)
BUILT = time_from_json("2026-01-31T12:00:00Z", "created")
SOON = BUILT + timedelta(days=30)
NONE = Conditions()


@pytest.fixture
def key(tiny):
    return read_key(str(tiny.key))


@pytest.fixture
def bundle(tiny, key):
    return open_bundle(tiny.folder, pins([key]))


@pytest.fixture
def empty(tmp_path):
    return Prefix(tmp_path / "prefix")


def refusal(*arguments, now=SOON):
    with pytest.raises(TrustError) as caught:
        admit(Candidate(*arguments), now=now)
    assert caught.value.advice
    return caught.value.what


def test_a_recent_release_is_admitted_and_remembered(bundle, empty, trust_stores):
    admission = admit(Candidate(bundle, empty, trust_stores, NONE), now=SOON)
    assert admission == AdmittedBundle(bundle, empty, trust_stores, (), remembered=True)
    assert remember(admission) is None
    assert memory.read_folder(trust_stores.host).memory.products == {PRODUCT: COUNTER}


def test_an_older_release_is_refused_in_a_new_prefix(bundle, empty, trust_stores):
    memory.remember(trust_stores.make_own(), counters={PRODUCT: COUNTER + 1})
    assert "older than the release that this host accepted" in refusal(bundle, empty, trust_stores, NONE)


def test_the_same_release_and_other_products_are_no_downgrade(bundle, empty, trust_stores):
    memory.remember(trust_stores.make_own(), counters={PRODUCT: COUNTER, "other": COUNTER + 1})
    admit(Candidate(bundle, empty, trust_stores, NONE), now=SOON)


def test_a_user_without_rights_remembers_for_himself(bundle, empty, trust_stores):
    user = replace(trust_stores, privileged=False)
    remember(AdmittedBundle(bundle, empty, user, (), remembered=True))
    assert (trust_stores.user / memory.NAME).exists()
    assert not trust_stores.host.exists()
    memory.remember(trust_stores.user, counters={PRODUCT: COUNTER + 1})
    assert "older than the release that this host accepted" in refusal(bundle, empty, user, NONE)


def test_the_hosts_memory_binds_users_too(bundle, empty, trust_stores):
    memory.remember(trust_stores.make_own(), counters={PRODUCT: COUNTER + 1})
    assert "older than" in refusal(bundle, empty, replace(trust_stores, privileged=False), NONE)


def test_a_memory_that_cannot_be_written_is_told(bundle, empty, trust_stores):
    trust_stores.host.parent.mkdir()
    trust_stores.host.write_text("in the way")
    assert "was not recorded" in remember(AdmittedBundle(bundle, empty, trust_stores, (), remembered=True))


def test_installing_remembers_and_a_new_prefix_does_not_forget(tmp_path, tiny, trust_stores):
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 5, key=tiny.key.with_suffix(""))
    older = api.open_bundle(tiny.folder, trusted_keys=[str(tiny.key)])
    api.install(api.open_bundle(newer.folder, trusted_keys=[str(tiny.key)]), tmp_path / "first")
    with pytest.raises(TrustError, match="older than the installed release"):
        api.install(older, tmp_path / "first")
    with pytest.raises(TrustError, match="older than the release that this host accepted"):
        api.install(older, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_what_a_rollback_made_active_is_no_downgrade_there(tmp_path, tiny, trust_stores):
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 5, key=tiny.key.with_suffix(""))
    older, keys = api.open_bundle(tiny.folder, trusted_keys=[str(tiny.key)]), [str(tiny.key)]
    api.install(older, tmp_path / "first")
    api.install(api.open_bundle(newer.folder, trusted_keys=keys), tmp_path / "first")
    api.rollback(tmp_path / "first")
    assert api.install(older, tmp_path / "first").already
    release = Prefix(tmp_path / "first").active()
    (wheel,) = [entry for entry in tiny.manifest.of_kind("wheel") if "tiny_lib" in entry.path]
    for path in (Store(Prefix(tmp_path / "first").store).path(wheel.sha256), release.path / "COMPLETE"):
        path.unlink()
    assert api.recover(tmp_path / "first", bundle=tiny.folder, trusted_keys=keys).applied
    assert Prefix(tmp_path / "first").active().version_key == release.version_key
    assert memory.read_folder(trust_stores.host).memory.products == {PRODUCT: COUNTER + 5}
    with pytest.raises(TrustError, match="older than the release that this host accepted"):
        api.install(older, tmp_path / "second")


def test_after_a_rollback_its_own_bundle_is_admitted_and_no_other_older_one(tmp_path, tiny, trust_stores):
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 5, key=tiny.key.with_suffix(""))
    other = tiny_bundle(tmp_path / "other", counter=COUNTER, key=tiny.key.with_suffix(""), weights='{"weight": 1}')
    first, second, stranger = (
        api.open_bundle(bundle.folder, trusted_keys=[str(tiny.key)]) for bundle in (tiny, newer, other)
    )
    prefix = Prefix(tmp_path / "prefix")
    api.install(first, prefix.root)
    api.install(second, prefix.root)
    api.rollback(prefix.root)
    assert admit(Candidate(first, prefix, trust_stores, NONE), now=SOON).warnings == ()
    assert "older than the release that this host accepted" in refusal(stranger, prefix, trust_stores, NONE)
    assert "older than the release that this host accepted" in refusal(
        first, Prefix(tmp_path / "b"), trust_stores, NONE
    )
    assert api.install(first, prefix.root).already
    assert memory.read_folder(trust_stores.host).memory.products == {PRODUCT: COUNTER + 5}


# the prefix's own policy


def test_a_prefix_may_forbid_more(bundle, key, empty, trust_stores):
    stranger = SoftKey(ED25519)
    lay(empty.trust, make_policy(1, [stranger.key], [ROOT.key]), ROOT)
    assert "is an untrusted key" in refusal(bundle, empty, trust_stores, NONE)
    lay(empty.trust, make_policy(2, [key], [ROOT.key]), ROOT)
    admit(Candidate(bundle, empty, trust_stores, NONE), now=SOON)


# time


def test_a_date_ahead_of_the_clock_needs_a_word_and_is_not_remembered(bundle, empty, trust_stores):
    early = BUILT - timedelta(days=1, seconds=1)
    assert "this host's clock says 2026-01-30T11:59:59Z" in refusal(bundle, empty, trust_stores, NONE, now=early)
    admission = admit(Candidate(bundle, empty, trust_stores, Conditions(accept_clock=True)), now=early)
    assert not admission.remembered
    assert "this host's clock" in admission.warnings[0]
    remember(admission)
    assert not (trust_stores.host / memory.NAME).exists()


def test_a_date_within_a_day_of_the_clock_is_fine(bundle, empty, trust_stores):
    found = admit(Candidate(bundle, empty, trust_stores, NONE), now=BUILT - timedelta(hours=23))
    assert (found.warnings, found.remembered) == ((), True)


def test_an_active_release_from_the_future_does_not_keep_honest_ones_out(bundle, prefix, trust_stores, tmp_path, tiny):
    older = tiny_bundle(tmp_path / "older", counter=COUNTER - 1, key=tiny.key.with_suffix(""))
    opened = open_bundle(older.folder, pins([read_key(str(tiny.key))]))
    assert "older than the installed release" in refusal(opened, prefix, trust_stores, NONE)
    admit(Candidate(opened, prefix, trust_stores, Conditions(accept_clock=True)), now=BUILT - timedelta(days=2))


def test_a_stale_release_is_a_warning(bundle, empty, trust_stores):
    (warning,) = admit(Candidate(bundle, empty, trust_stores, NONE), now=BUILT + timedelta(days=400)).warnings
    assert "400 days ago" in warning


def test_freshness_can_be_required(bundle, empty, trust_stores):
    limit = Conditions(require_fresh=10)
    assert "30 days ago (claimed); at most 10" in refusal(bundle, empty, trust_stores, limit)
    assert admit(Candidate(bundle, empty, trust_stores, limit), now=BUILT + timedelta(days=10)).warnings == ()


@pytest.mark.parametrize("window", [(None, BUILT + timedelta(days=1)), (SOON + timedelta(days=1), None)])
def test_a_key_outside_its_time_is_a_warning(tiny, key, empty, trust_stores, window):
    policy = Policy(1, (Signer(key, "Builder", *window),), {"release": Role(1, (key.keyid,))})
    bundle = open_bundle(tiny.folder, policy)
    (warning,) = admit(Candidate(bundle, empty, trust_stores, NONE), now=SOON).warnings
    assert key.fingerprint in warning
    assert "is not valid at this time" in refusal(bundle, empty, trust_stores, Conditions(require_fresh=100))


def test_time_is_judged_only_when_a_release_is_first_accepted(bundle, prefix, trust_stores):
    limit = Conditions(require_fresh=1)
    assert admit(Candidate(bundle, prefix, trust_stores, limit), now=BUILT + timedelta(days=900)).warnings == ()
    assert not admit(Candidate(bundle, prefix, trust_stores, NONE), now=BUILT - timedelta(days=900)).remembered


def test_now_is_the_hosts_clock(bundle, empty, trust_stores):
    age = (datetime.now(timezone.utc) - BUILT).days
    if age > 1:
        with pytest.raises(TrustError, match="days ago"):
            admit(Candidate(bundle, empty, trust_stores, Conditions(require_fresh=1)))


# products


def test_another_products_bundle_is_refused(bundle, prefix, trust_stores):
    other = replace(bundle, manifest=replace(bundle.manifest, product=replace(bundle.manifest.product, name="other")))
    assert "this bundle is for other" in refusal(other, prefix, trust_stores, NONE)


# who may be installed


def judged(monkeypatch, place):
    """Note for each admission whether somebody holds the prefix's lock."""
    held = []

    def noted(candidate):
        lock = candidate.prefix.state / "lock"
        held.append(lock.exists() and not is_free(lock))
        return admit(candidate)

    monkeypatch.setattr(f"{place}.admit", noted)
    return held


def test_an_installation_is_admitted_under_the_lock(tiny, prefix, tmp_path, trust_stores, monkeypatch):
    bundle, held = (
        api.open_bundle(tiny.folder, trusted_keys=[str(tiny.key)]),
        judged(monkeypatch, "installer.install.install"),
    )
    api.install(bundle, prefix.root)
    assert held == [True]
    api.install(bundle, tmp_path / "new")
    assert held == [True, False, True]  # a new prefix has no lock before the first write


def test_a_repair_is_admitted_once_under_the_lock(tiny, prefix, monkeypatch):
    held = judged(monkeypatch, "installer.trust.available")
    (prefix.active().path / "COMPLETE").unlink()
    assert api.recover(prefix.root, bundle=tiny.folder, trusted_keys=[str(tiny.key)]).applied
    assert held == [True]


def test_what_is_refused_only_under_the_lock_leaves_nothing(tiny, tmp_path, trust_stores, monkeypatch):
    """Another run of this host accepts a newer release while the first writes of this one are made."""
    make = Prefix.make

    def make_late(prefix):
        make(prefix)
        memory.remember(trust_stores.make_own(), counters={PRODUCT: COUNTER + 1})

    monkeypatch.setattr(Prefix, "make", make_late)
    with pytest.raises(TrustError, match="older than the release that this host accepted"):
        api.install(api.open_bundle(tiny.folder, trusted_keys=[str(tiny.key)]), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_admission_alone_makes_an_admitted_bundle():
    root = Path(__file__).resolve().parents[3]
    shipped = [
        path for top in ("installer", "recovery", "validator", "bootstrap") for path in (root / top).rglob("*.py")
    ]
    makers = [
        path.name for path in shipped if re.search(r"(?<!class )\bAdmittedBundle\(", path.read_text(encoding="utf-8"))
    ]
    assert makers == ["admission.py"]
