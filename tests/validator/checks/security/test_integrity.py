from __future__ import annotations

from dataclasses import replace

from bundle.signing.policy import RELEASE_NAMESPACE, pins
from bundle.signing.signature import ED25519
from installer.layout import seal
from installer.release import receipt as receipts
from tests.installed import KEY
from tests.keys import SoftKey
from tests.validator.checking import change, look, release_of, site_of
from validator.check import BUNDLE, FAIL, PASS, SKIP, WARN
from validator.checks.security.integrity import Integrity
from validator.runner import results_of
from validator.subject import subject_of


def signature_of(prefix):
    (path,) = release_of(prefix).bundle.glob("*.sig")
    return path


def test_passes_and_says_who_signed(prefix) -> None:
    result = look(Integrity, prefix)
    assert result.status == PASS
    assert KEY.key.fingerprint in result.details


def test_names_what_was_altered_added_and_removed(prefix) -> None:
    release = release_of(prefix)
    change(site_of(prefix) / "demo_base.py", b"evil = True\n")
    (release.app / "app.py").unlink()
    (release.path / "extra").write_text("x")
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert {(kind, owner) for _path, kind, owner in result.evidence["deviations"]} == {
        ("altered", "demo-base"),
        ("missing", receipts.APP),
        ("added", receipts.RELEASE),
    }
    assert "missing: app/app.py (application)" in result.details


def test_a_planted_bytecode_file_is_found(prefix) -> None:
    folder = site_of(prefix) / "demo_lib" / "__pycache__"
    (folder / "table.cpython-311.pyc").write_bytes(b"evil")
    assert look(Integrity, prefix).status == FAIL


def test_another_manifest_fails(prefix) -> None:
    path = release_of(prefix).bundle / "MANIFEST.json"
    change(path, path.read_bytes() + b" ")
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert result.details == f"{path} differs from the signed file"


def test_checksums_of_another_manifest_fail_though_signed(prefix) -> None:
    sums = b"0" * 64 + b"  MANIFEST.json\n"
    change(release_of(prefix).bundle / "SHA256SUMS", sums)
    change(signature_of(prefix), KEY.sign(sums, RELEASE_NAMESPACE))
    assert "differs from the signed file" in look(Integrity, prefix).details


def test_altered_checksums_fail(prefix) -> None:
    path = release_of(prefix).bundle / "SHA256SUMS"
    change(path, path.read_bytes() + b"0" * 64 + b"  Z\n")
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert "signature is not valid" in result.details


def test_an_altered_signature_fails(prefix) -> None:
    path = signature_of(prefix)
    change(path, path.read_bytes().replace(b"A", b"B", 1))
    assert look(Integrity, prefix).status == FAIL


def test_no_signature_fails(prefix) -> None:
    signature_of(prefix).unlink()
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert "signed by no key" in result.details


def test_a_strangers_signature_fails(prefix) -> None:
    stranger, sums = SoftKey(ED25519), (release_of(prefix).bundle / "SHA256SUMS").read_bytes()
    own = signature_of(prefix)
    change(own, stranger.sign(sums, RELEASE_NAMESPACE))
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert f"{own.name}: it is not named after its signing key" in result.details
    own.rename(own.with_name(f"SHA256SUMS.{stranger.key.keyid}.sig"))
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert stranger.key.fingerprint in result.details


def test_the_receipt_of_another_release_fails(prefix) -> None:
    release = release_of(prefix)
    receipt = receipts.read_receipt(release)
    change(release.receipt_file, replace(receipt, release=release.id[:-1] + "7").to_bytes())
    seal.mark_complete(release)
    assert "another release" in look(Integrity, prefix).details


def test_a_missing_receipt_fails(prefix) -> None:
    release_of(prefix).receipt_file.unlink()
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert "receipt.json" in result.details


def test_a_set_of_packages_that_nobody_signed_warns(prefix) -> None:
    release = release_of(prefix)
    receipt = receipts.read_receipt(release)
    change(release.receipt_file, replace(receipt, locked=False).to_bytes())
    seal.mark_complete(release)
    assert look(Integrity, prefix).status == WARN


def test_a_receipt_that_is_not_the_sealed_one_fails(prefix) -> None:
    release = release_of(prefix)
    change(release.receipt_file, replace(receipts.read_receipt(release), version="9").to_bytes())
    result = look(Integrity, prefix)
    assert result.status == FAIL
    assert "does not match the checksum" in result.details


def test_nothing_installed_is_skipped() -> None:
    assert look(Integrity, None).status == SKIP


def test_a_signer_that_the_policy_has_dropped_is_no_pass(prefix) -> None:
    dropped = replace(subject_of(prefix), policy=lambda: pins([SoftKey(ED25519).key]))
    (result,) = results_of(Integrity(), dropped)
    assert result.status == WARN
    assert "no longer accepts their signers" in result.details
    assert result.remedy == BUNDLE
    accepted = replace(dropped, policy=lambda: pins([KEY.key]))
    assert [one.status for one in results_of(Integrity(), accepted)] == [PASS]
