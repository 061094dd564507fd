"""A repair from a bundle: whose word counts, what a wrong clock does, and what the host remembers of it."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from bootstrap import api
from bundle.signing.signature import ED25519
from installer.change import retention
from installer.layout import proofs, seal
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import receipt
from installer.trust import memory
from installer.trust.authority import host_memory, read_key
from shared.errors import HostError, RagtraceError, TrustError
from shared.files import files
from shared.terminal.progress import NoProgress
from tests.helpers import install_opened
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.tiny import COUNTER, PRODUCT, application, tiny_bundle

ROOT = SoftKey(ED25519)


class Heard(NoProgress):
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def unproven(host):
    """An installation whose manifest is lost, so that only a bundle helps."""
    (host.release.bundle / "MANIFEST.json").write_bytes(b"{}")
    shutil.rmtree(proofs.folder(host.prefix))
    return host


def remembered(trust_stores):
    return host_memory(trust_stores).products.get(PRODUCT, 0)


def recover(host, bundle, **options):
    return api.recover(host.prefix.root, bundle=bundle.folder, trusted_keys=[str(bundle.key)], **options)


def test_what_was_installed_from_a_bundle_is_remembered(unproven, newer, trust_stores):
    done = recover(unproven, newer)
    assert [remedy.id for remedy in done.plan.remedies] == ["reinstall"]
    assert remembered(trust_stores) == newer.manifest.product.counter


@pytest.mark.parametrize("has_settings", [False, True])
def test_settings_of_a_newer_bundle_are_reported_and_a_first_file_is_written(
    unproven, tiny, tmp_path, has_settings
) -> None:
    wanted = application().environment
    more = replace(wanted, template={**wanted.template, "TINY_PORT": ""})
    newer = tiny_bundle(tmp_path / "more", counter=COUNTER + 1, environment=more, key=tiny.key.with_suffix(""))
    unproven.prefix.env_file.unlink()
    if has_settings:
        unproven.prefix.env_file.write_text("TINY_API_KEY=real\n")
    heard = Heard()
    assert recover(unproven, newer, progress=heard).installed
    text = unproven.prefix.env_file.read_text()
    if has_settings:
        assert text == "TINY_API_KEY=real\n"
        assert any("new settings: TINY_PORT" in warning for warning in heard.warnings)
    else:
        assert "# TINY_PORT=" in text


def backups_of(host) -> list[str]:
    return [path.name for path in host.prefix.backups.iterdir() if path.name.endswith("-before-recover")]


@pytest.mark.parametrize("after_the_switch", [True, False])
def test_the_backup_stays_once_another_release_is_active(unproven, newer, monkeypatch, after_the_switch) -> None:
    def fail(*_arguments, **_facts):
        raise OSError(28, "No space left on device", "log")

    if after_the_switch:
        monkeypatch.setattr(audit_log, "append", fail)
    else:
        monkeypatch.setattr("installer.release.stage.verify_into_store", fail)
    before = unproven.prefix.active()
    with pytest.raises(RagtraceError):
        recover(unproven, newer)
    assert (unproven.prefix.active() != before) is after_the_switch
    assert bool(backups_of(unproven)) is after_the_switch


def test_what_was_only_taken_from_it_is_not(host, tiny, trust_stores):
    (host.site / "tiny_lib" / "more.py").unlink()
    assert recover(host, tiny).applied
    assert remembered(trust_stores) == COUNTER  # of what is installed, which nobody remembered


def test_nor_what_nobody_wanted(unproven, newer, trust_stores):
    assert not api.recover(
        unproven.prefix.root, lambda _plan: False, bundle=newer.folder, trusted_keys=[str(newer.key)]
    ).applied
    assert remembered(trust_stores) == 0


def test_a_clock_that_is_behind_is_told_and_stops_no_repair(unproven, newer, trust_stores, monkeypatch):
    for module in ("admission", "evidence"):
        monkeypatch.setattr(f"installer.trust.{module}.is_ahead", lambda _manifest, _now: True)
    heard = Heard()
    assert recover(unproven, newer, progress=heard).installed
    assert any("this host's clock says" in warning for warning in heard.warnings)
    assert remembered(trust_stores) == COUNTER  # of the one before, in the audit log


def test_of_older_bundles_only_that_of_the_active_release_repairs(host, newer, tiny, trust_stores, tmp_path):
    memory.remember(trust_stores.make_own(), counters={PRODUCT: newer.manifest.product.counter})
    lose(host, "tiny_lib")
    other = tiny_bundle(tmp_path / "other", key=tiny.key.with_suffix(""), weights='{"weight": 1}')
    with pytest.raises(TrustError, match="older than the release that this host accepted"):
        recover(host, other)
    assert recover(host, tiny).applied
    assert host.plan().findings == ()
    assert remembered(trust_stores) == newer.manifest.product.counter


@pytest.mark.parametrize("ask", [api.recover, api.plan_recovery])
def test_a_policy_that_does_not_count_stops_a_repair_before_it_begins(host, tiny, trust_stores, ask):
    lay(trust_stores.host, make_policy(1, [read_key(str(tiny.key))], [ROOT.key]), ROOT)
    policy = trust_stores.host / "policy-1.json"
    policy.write_bytes(policy.read_bytes() + b" ")
    (host.site / "tiny_lib" / "more.py").unlink()
    before = host.release
    with pytest.raises(TrustError, match="policy-1") as caught:
        ask(host.prefix.root)
    assert caught.value.advice
    assert host.release == before
    assert not (host.site / "tiny_lib" / "more.py").exists()


@pytest.fixture
def from_delta(host, newer, tmp_path):
    """An installation of which the newest release came as a delta, and the former one is gone."""
    made = newer.delta(host.tiny, tmp_path / "delta")
    previous = host.release
    install_opened(made.open(), host.prefix)
    retention.unmark_damaged(host.prefix, previous)
    return replace(host, tiny=made)


def lose(host, name):
    """Lose a wheel's kept copy and what it installed; return the wheel's path in a bundle."""
    entry = next(entry for entry in host.tiny.manifest.of_kind("wheel") if name in entry.path)
    files.remove_tree(Store(host.prefix.store).path(entry.sha256))
    (host.site / name / "__init__.py").unlink()
    return entry.path


def test_a_release_that_came_as_a_delta_is_repaired_from_what_is_kept(from_delta):
    (from_delta.site / "tiny_lib" / "more.py").unlink()
    assert from_delta.recover().applied
    assert from_delta.plan().findings == ()


def test_a_delta_brings_back_only_what_is_in_it(from_delta, newer):
    lost = lose(from_delta, "tiny_lib")
    with pytest.raises(HostError) as caught:
        recover(from_delta, from_delta.tiny)
    assert lost in caught.value.advice
    assert recover(from_delta, newer).applied
    assert from_delta.plan().findings == ()


def test_a_delta_replaces_a_release_where_its_base_is_kept(from_delta):
    (from_delta.release.bundle / "MANIFEST.json").write_bytes(b"{}")
    shutil.rmtree(proofs.folder(from_delta.prefix))
    done = recover(from_delta, from_delta.tiny)
    assert [remedy.id for remedy in done.plan.remedies] == ["reinstall"]
    assert from_delta.plan().findings == ()


def test_a_bundle_that_brings_a_wheel_back_shows_what_was_hidden_by_its_loss(host, tiny):
    """Who alters a module, all that vouches for it and the kept wheel hides it until the wheel is there again."""
    module, wheel = (
        host.site / "tiny_lib" / "more.py",
        next(entry for entry in tiny.manifest.of_kind("wheel") if "tiny_lib" in entry.path),
    )
    module.chmod(0o644)
    module.write_text("EVIL = 1\n")
    module.chmod(0o444)
    items = receipt.take_inventory(host.release, host.site)
    receipt.write_receipt(host.release, replace(receipt.read_receipt(host.release), items=items))
    host.release.receipt_file.chmod(0o444)
    seal.mark_complete(host.release)
    audit_log.append(
        host.prefix, "recover", "done", release=host.release.id, receipt_sha256=seal.receipt_sha256(host.release)
    )
    (host.prefix.store / wheel.sha256[:2] / wheel.sha256).unlink()
    done = host.recover(bundle=tiny.open(), policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "rebuild"]
    assert "EVIL" not in (host.site / "tiny_lib" / "more.py").read_text()
    assert host.plan(policy=tiny.policy).findings == ()
