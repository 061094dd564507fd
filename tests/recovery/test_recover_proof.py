"""Receipts, marks and signed metadata that are lost, damaged or forged: what proves the rest decides."""

from __future__ import annotations

import os
import shutil

import pytest

from bundle import digest
from installer.layout import proofs
from installer.logs import audit_log
from installer.release import receipt
from shared.errors import HostError, TrustError
from tests.recovery.damaging import delete, flip, forge, truncate, whole
from tests.tiny import COUNTER, EMBEDDING, install_tiny, tiny_bundle


@pytest.mark.parametrize("damage", [delete, truncate])
def test_a_lost_receipt_rebuilds_everything_that_the_signature_proves(host, installed, tiny, damage):
    damage(host.release.receipt_file)
    with pytest.raises(HostError):
        host.recover()  # nobody is trusted, so nothing proves the manifest
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    assert [sorted(names) for names in installed] == [["tiny-lib", "tiny-math", "tiny-text", "tiny-unused"]]
    whole(host)


def test_a_receipt_of_another_release_counts_as_lost(host, tiny):
    forge(host.release, b"-r1", b"-r9")
    assert [remedy.id for remedy in host.plan(policy=tiny.policy).remedies] == ["rebuild"]


def test_a_receipt_that_leads_out_of_the_release_writes_nothing_there(host, tiny, tmp_path):
    """Only what a release may hold is taken over, whatever its receipt says."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    site = host.site.relative_to(host.release.path).as_posix()
    evil = f"venv/../../../../{outside.name}"
    audit_log.log_file(host.prefix).unlink()  # else the receipt is not believed at all
    forge(host.release, f"{site}/tiny_math/text.py".encode(), evil.encode())
    host.recover()
    assert outside.read_bytes() == b"x"
    assert outside.stat().st_nlink == 1
    whole(host)


def test_a_receipt_that_was_changed_to_fit_a_changed_file_is_not_believed(host, tiny):
    file, receipt_file = host.site / "tiny_lib" / "more.py", host.release.receipt_file
    before = digest.sha256_file(file)[0]
    flip(file)
    receipt_file.chmod(0o644)
    receipt_file.write_bytes(receipt_file.read_bytes().replace(before.encode(), digest.sha256_file(file)[0].encode()))
    with pytest.raises(TrustError, match="does not match the checksum"):
        receipt.read_receipt(host.release)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    whole(host)


@pytest.mark.parametrize("damage", [flip, truncate, lambda path: path.write_bytes(b"x" * 5000), delete])
def test_a_damaged_mark_is_restored_where_the_audit_log_knows_the_receipt(host, damage):
    release = host.release
    release.complete_file.chmod(0o644)
    damage(release.complete_file)
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["seal"]
    assert host.release == release
    whole(host)


def test_after_a_repair_the_mark_is_restored_too(host):
    delete(host.site / "tiny_lib" / "more.py")
    host.recover()
    delete(host.release.complete_file)
    assert [remedy.id for remedy in host.recover().plan.remedies] == ["seal"]
    whole(host)


def test_a_lost_mark_vouches_for_no_changed_receipt(host, tiny):
    release = host.release
    flip(release.receipt_file)
    delete(release.complete_file)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    assert not release.path.exists()
    whole(host)


def test_without_mark_and_log_the_release_is_built_anew(host, tiny):
    delete(host.release.complete_file)
    delete(audit_log.log_file(host.prefix))
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["places", "rebuild"]  # the log begins anew
    whole(host)


def test_without_mark_and_receipt_the_release_is_built_anew(host, tiny):
    delete(host.release.receipt_file)
    delete(host.release.complete_file)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    whole(host)


def test_a_small_file_that_is_lost_twice_comes_from_the_bundle(host, tiny):
    entry = next(entry for entry in tiny.manifest.of_kind("source") if entry.inner == "app.py")
    delete(host.release.app / entry.inner)
    delete(host.prefix.store / entry.sha256[:2] / entry.sha256)
    assert tiny.manifest.folder in host.plan().unmet
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "files"]
    whole(host)


METADATA = ["MANIFEST.json", "SHA256SUMS", "SHA256SUMS.*.sig"]


@pytest.mark.parametrize("damage", [flip, truncate, delete])
@pytest.mark.parametrize("file", METADATA)
def test_a_damaged_first_copy_of_the_metadata_is_replaced_by_the_second(host, installed, file, damage):
    damage(next(host.release.bundle.glob(file)))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["files"]
    assert installed == []
    whole(host)


@pytest.mark.parametrize("damage", [flip, truncate, delete, lambda path: shutil.rmtree(path.parent)])
@pytest.mark.parametrize("file", METADATA)
def test_a_damaged_second_copy_of_the_metadata_is_written_again(host, file, damage):
    release = host.release
    copy = proofs.place(host.prefix, digest.sha256_file(release.bundle / "MANIFEST.json")[0])
    damage(next(copy.glob(file)))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["papers"]
    assert host.release == release
    assert proofs.read_metadata(copy) == proofs.read_metadata(release.bundle)
    whole(host)


def test_only_kept_releases_have_second_copies(host, newer, tiny, tmp_path):
    newest = tiny_bundle(tmp_path / "newest", counter=COUNTER + 5, version="5.0", key=tiny.key.with_suffix(""))
    for bundle in (newer, newest):
        install_tiny(bundle, host.prefix.root)
    stored = host.prefix.complete_releases()
    assert {release.manifest().product.counter for release in stored} == {newer.manifest.product.counter, COUNTER + 5}
    assert {path.name for path in proofs.folder(host.prefix).iterdir()} == {
        digest.sha256_file(release.bundle / "MANIFEST.json")[0] for release in stored
    }


def test_a_damaged_manifest_is_replaced_by_a_copy_of_the_same_bundle(host, tiny):
    # a release of the same bundle that still runs, as a repair leaves it
    shutil.copytree(host.release.path, host.prefix.releases / f"{host.release.id}9", symlinks=True)
    shutil.rmtree(proofs.folder(host.prefix))
    flip(host.release.bundle / "MANIFEST.json")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["papers", "files"]
    whole(host)


def test_a_manifest_without_another_copy_leads_to_the_former_release(host, tiny, newer):
    install_tiny(newer, host.prefix.root)
    damaged = host.release
    flip(damaged.bundle / "MANIFEST.json")
    shutil.rmtree(proofs.folder(host.prefix))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["rollback"]
    assert host.release.counter == tiny.manifest.product.counter
    assert not damaged.path.exists()
    assert host.answer() == list(EMBEDDING)


def test_a_manifest_without_another_copy_leads_to_the_bundle_first(host, tiny):
    flip(host.release.bundle / "MANIFEST.json")
    shutil.rmtree(proofs.folder(host.prefix))
    damaged = host.release
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["reinstall"]
    assert not damaged.path.exists()
    whole(host)


@pytest.mark.skipif(os.name == "nt", reason="links to themselves")
@pytest.mark.parametrize("kind", ["file", "link to itself"])
def test_what_is_in_the_place_of_all_second_copies_is_moved_aside(host, kind):
    folder = proofs.folder(host.prefix)
    shutil.rmtree(folder)
    if kind == "file":
        folder.write_text("x")
    else:
        folder.symlink_to(folder.name)
    host.recover()
    assert proofs.are_twice(host.prefix, host.release)
    whole(host)
