"""Attestations are checked by sigstore's own library, against an authority of the tests' own."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import uv

from builder import cli
from builder.fetch.cache import Cache
from builder.fetch.credentials import Login
from builder.fetch.fetching import Fetching
from builder.lock.lock import read_lock
from builder.lockfiles.uv_lock import UvLock
from builder.signing.sign import generate_key, read_public_key
from builder.wheels.attesting import attestations
from builder.wheels.attesting.attestation_record import FILE, NO_INDEX, NONE, UNKNOWN, VERIFIED
from builder.wheels.attesting.attestations import RECORD, REQUIRE
from bundle.opening import open_bundle
from bundle.signing.policy import pins
from shared.errors import BuildError
from tests.builder.small_project import _quick  # noqa: F401 - the stand-in for the zipapp
from tests.builder.wheels.attesting.attested import DEMO, PLAIN, PROJECT, Heard, all_wheels, locked
from tests.schemas import problems, validated
from tests.servers import Faults, serve_index
from tests.sigstore import PUBLISHER, Sigstore, canonical
from tests.wheels import make_wheel


def look(project: Path, cache: Path, *, mode=RECORD, **options):
    lock = read_lock(UvLock(project))
    wheels = all_wheels(lock)
    heard = Heard()
    found = attestations.inspect(wheels, lock, Fetching(Cache(cache), heard, **options), mode=mode)
    return {wheel.name: verdict for wheel, verdict in found.items()}, heard.warnings


def test_what_the_index_offers_is_verified(project, tmp_path) -> None:
    found, warnings = look(project, tmp_path / "cache")
    assert (found["demo"].verdict, found["plain"].verdict) == (VERIFIED, NONE)
    (publisher,) = found["demo"].publishers
    assert {name: publisher[name] for name in PUBLISHER} == PUBLISHER
    assert publisher["predicate"].endswith("/publish/v1")
    assert warnings == []


def test_a_wheel_that_was_yanked_is_named_with_the_reason(project, site, tmp_path) -> None:
    page = site.files["/simple/demo/"].decode()
    site.files["/simple/demo/"] = page.replace("<a ", '<a data-yanked="Leaks\x1b[31m keys." ').encode()
    found, warnings = look(project, tmp_path / "cache")
    assert found["demo"].verdict == VERIFIED
    (warning,) = warnings
    assert warning.startswith(f"{DEMO} was yanked from its index: Leaks")
    assert "\x1b" not in warning
    before = len(site.seen)
    assert look(project, tmp_path / "cache")[1] == []  # the cache answers: the index is not asked for this alone
    assert len(site.seen) == before


def test_a_project_in_quarantine_is_named_though_it_offers_no_file(project, site, tmp_path) -> None:
    site.files["/simple/demo/"] = b'<html><meta name="pypi:project-status" content="quarantined"></html>'
    found, warnings = look(project, tmp_path / "cache")
    assert found["demo"].verdict == UNKNOWN
    assert "The index lists demo as quarantined: no reason given." in warnings


LONG = "cp311-cp311-manylinux1_x86_64.manylinux_2_5_x86_64.manylinux2014_x86_64.manylinux_2_17_x86_64"


@pytest.mark.parametrize("name", [f"demo-1.0-{LONG}.whl", "Demo-1.0-py3-none-any.whl"], ids=["too-long", "capital"])
def test_a_wheel_that_the_bundle_renames_is_asked_for_under_its_name_on_the_index(sigstore, tmp_path, name) -> None:
    data = make_wheel("demo", "1.0", tag=name.split("-", 2)[2].removesuffix(".whl"))
    with serve_index({name: data, PLAIN: make_wheel("plain", "1.0")}) as site:
        site.files["/simple/demo/"] = site.files["/simple/demo/"].replace(b"<a ", b'<a data-provenance="/integrity" ')
        site.files["/integrity"] = sigstore.provenance(name, hashlib.sha256(data).hexdigest())
        folder = locked(tmp_path / "project", site)
        found, warnings = look(folder, tmp_path / "cache")
        (wheel,) = [wheel for wheel in all_wheels(read_lock(UvLock(folder))) if wheel.name == "demo"]
    assert (len(wheel.filename) <= 100, wheel.filename == name) == (True, False)
    assert (found["demo"].verdict, warnings) == (VERIFIED, [])


def test_a_warm_cache_needs_no_index(project, site, tmp_path) -> None:
    first = look(project, tmp_path / "cache")
    site.seen.clear()
    assert look(project, tmp_path / "cache") == first
    assert look(project, tmp_path / "cache", offline=True) == first
    assert site.seen == []


def test_what_was_not_asked_counts_as_nothing(project, site, tmp_path) -> None:
    found, warnings = look(project, tmp_path / "cache", offline=True)
    assert {verdict.verdict for verdict in found.values()} == {UNKNOWN}
    assert "offline" in warnings[0]
    for path in ("/simple/demo/", "/simple/plain/"):
        site.faults[path] = Faults(status=403)
    found, warnings = look(project, tmp_path / "cache")
    assert {verdict.verdict for verdict in found.values()} == {UNKNOWN}
    assert "HTTP 403" in warnings[0]
    site.faults.clear()
    assert look(project, tmp_path / "cache")[0]["demo"].verdict == VERIFIED  # nothing of that was kept


def test_a_page_that_lists_another_file_under_the_name_is_no_answer(project, site, tmp_path) -> None:
    site.files["/simple/demo/"] = site.files["/simple/demo/"].replace(site.digest.encode(), b"0" * 64)
    found, warnings = look(project, tmp_path / "cache")
    assert found["demo"].verdict == UNKNOWN
    assert f"the index lists {DEMO} with a SHA-256 that differs from the lockfile" in warnings[0]
    site.files["/simple/demo/"] = b""
    assert f"the index does not list {DEMO}" in look(project, tmp_path / "cache")[1][0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda site, own: own.provenance(DEMO, "0" * 64), "digest"),
        (lambda site, own: own.provenance(PLAIN, site.digest), "subject does not match"),
        (lambda site, own: own.provenance(DEMO, site.digest, repository="tests/other"), "Extension|policy|match"),
        (lambda site, own: own.provenance(DEMO, site.digest, workflow="other.yml"), "does not match expected"),
        (
            lambda site, own: own.provenance(DEMO, site.digest, {"1.3.6.1.4.1.57264.1.8": "https://other.localhost"}),
            "OIDC|Issuer|match|policies",
        ),
        (lambda site, _own: Sigstore().provenance(DEMO, site.digest), "chain"),
        (lambda _site, _own: canonical({"version": 1, "attestation_bundles": []}), "no attestation found"),
        (lambda site, own: second_of_two(site, own, in_one_bundle=True), "digest"),
        (lambda site, own: second_of_two(site, own, in_one_bundle=False), "digest"),
        (lambda site, own: changed(site, own, lambda one: one["envelope"].update(signature="")), "."),
        (lambda site, own: changed(site, own, lambda one: entry_of(one).pop("inclusionPromise")), "."),
        (
            lambda site, own: changed(
                site, own, lambda one: entry_of(one).update(kindVersion={"kind": "other", "version": "9"})
            ),
            ".",
        ),
    ],
    ids=[
        *("digest", "name", "repository", "workflow", "issuer", "authority", "nothing", "second", "second-bundle"),
        *("unsigned", "no-promise", "other-log"),
    ],
)
def test_what_does_not_hold_ends_the_build(project, site, sigstore, tmp_path, change, reason) -> None:
    site.files["/integrity/demo"] = change(site, sigstore)
    with pytest.raises(BuildError, match=f"{DEMO}: the attestation .* is not valid: .*({reason})") as caught:
        look(project, tmp_path / "cache")
    assert "\n" not in caught.value.what

    site.files["/integrity/demo"] = sigstore.provenance(DEMO, site.digest)
    assert look(project, tmp_path / "cache")[0]["demo"].verdict == VERIFIED  # nothing of the other was kept


def entry_of(attestation):
    return attestation["verification_material"]["transparency_entries"][0]


def changed(site, sigstore, change) -> bytes:
    """Return a provenance object whose attestation was changed."""
    value = json.loads(sigstore.provenance(DEMO, site.digest))
    change(value["attestation_bundles"][0]["attestations"][0])
    return canonical(value)


def second_of_two(site, sigstore, *, in_one_bundle) -> bytes:
    """Return a provenance object whose second attestation is of another file."""
    value, other = (json.loads(sigstore.provenance(DEMO, digest)) for digest in (site.digest, "0" * 64))
    if in_one_bundle:
        value["attestation_bundles"][0]["attestations"] += other["attestation_bundles"][0]["attestations"]
    else:
        value["attestation_bundles"] += other["attestation_bundles"]
    return canonical(value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>please log in</html>",
        b"[" * 100_000,
        canonical({"version": 2, "attestation_bundles": []}),
        canonical({"version": 1, "attestation_bundles": [{"publisher": {"kind": "Later"}, "attestations": []}]}),
    ],
    ids=["empty", "page", "deep", "later-version", "later-publisher"],
)
def test_what_is_no_provenance_that_is_known_is_no_answer(project, site, sigstore, tmp_path, answer) -> None:
    site.files["/integrity/demo"] = answer
    found, warnings = look(project, tmp_path / "cache")
    assert found["demo"].verdict == UNKNOWN
    assert DEMO in warnings[0]
    site.files["/integrity/demo"] = sigstore.provenance(DEMO, site.digest)
    assert look(project, tmp_path / "cache")[0]["demo"].verdict == VERIFIED


def test_an_answer_that_is_too_long_is_cut(project, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(attestations, "PROVENANCE_LIMIT", 100)
    found, warnings = look(project, tmp_path / "cache")
    assert found["demo"].verdict == UNKNOWN
    assert "more than 100 bytes" in warnings[0]


def test_only_what_the_certificate_says_is_recorded(project, site, sigstore, tmp_path) -> None:
    site.files["/integrity/demo"] = sigstore.provenance(DEMO, site.digest, environment="approved-by-two")
    (publisher,) = look(project, tmp_path / "cache")[0]["demo"].publishers
    assert "environment" not in publisher


def test_another_index_is_asked_for_itself(project, site, tmp_path) -> None:
    look(project, tmp_path / "cache")
    (stored,) = [path for path in (tmp_path / "cache" / "attestations").iterdir() if path.stat().st_size]
    lock = read_lock(UvLock(project))
    (wheel,) = [one for one in attestations.indexes_of(all_wheels(lock), lock) if one.name == "demo"]
    assert attestations.place(Cache(tmp_path / "cache"), f"{site.url}/simple", wheel) == stored
    assert not attestations.place(Cache(tmp_path / "cache"), "https://mirror.localhost/simple", wheel).exists()


def test_what_was_altered_in_the_cache_is_asked_for_again(project, site, sigstore, tmp_path) -> None:
    look(project, tmp_path / "cache")
    (stored,) = [path for path in (tmp_path / "cache" / "attestations").iterdir() if path.stat().st_size]
    stored.write_bytes(sigstore.provenance(DEMO, "0" * 64))
    with pytest.raises(BuildError, match="is not valid"):
        look(project, tmp_path / "cache", offline=True)
    assert look(project, tmp_path / "cache")[0]["demo"].verdict == VERIFIED


def test_a_trust_root_that_cannot_be_read_is_not_the_wheels_fault(project, tmp_path) -> None:
    root = next((tmp_path / "user").rglob("trusted_root.json"))
    root.write_bytes(b"{}")
    with pytest.raises(BuildError, match="Cannot read the sigstore trust root") as caught:
        look(project, tmp_path / "cache")
    assert "\n" not in caught.value.what


def test_a_private_index_is_asked_with_its_login(project, site, tmp_path) -> None:
    look(project, tmp_path / "cache", logins=[Login(site.url, "me", "secret")])
    assert all(seen.authorization for seen in site.requests("/integrity/demo"))


@pytest.mark.parametrize("part", ["statement", "signature", "certificate", "body", "promise", "checkpoint"])
def test_a_bit_that_is_another_ends_the_build(project, site, sigstore, tmp_path, part) -> None:
    value = json.loads(sigstore.provenance(DEMO, site.digest))
    attestation = value["attestation_bundles"][0]["attestations"][0]
    entry = attestation["verification_material"]["transparency_entries"][0]
    holder, name = {
        "statement": (attestation["envelope"], "statement"),
        "signature": (attestation["envelope"], "signature"),
        "certificate": (attestation["verification_material"], "certificate"),
        "body": (entry, "canonicalizedBody"),
        "promise": (entry["inclusionPromise"], "signedEntryTimestamp"),
        "checkpoint": (entry["inclusionProof"], "rootHash"),
    }[part]
    text = holder[name]
    middle = len(text) // 2
    holder[name] = f"{text[:middle]}{'A' if text[middle] != 'A' else 'B'}{text[middle + 1 :]}"
    site.files["/integrity/demo"] = canonical(value)
    with pytest.raises(BuildError, match="is not valid"):
        look(project, tmp_path / "cache")


def test_nobody_looks_when_told_not_to(project, site, tmp_path) -> None:
    site.seen.clear()
    assert look(project, tmp_path / "cache", mode="off") == ({}, [])
    assert site.seen == []


def test_each_wheel_may_have_to_be_attested(project, site, sigstore, tmp_path) -> None:
    with pytest.raises(BuildError, match=f"1 wheel has no verified attestation: {PLAIN}"):
        look(project, tmp_path / "cache", mode=REQUIRE)
    page = site.files["/simple/plain/"].decode()
    site.files["/simple/plain/"] = page.replace("<a ", '<a data-provenance="/integrity/plain" ').encode()
    digest = hashlib.sha256(site.files[f"/files/{PLAIN}"]).hexdigest()
    site.files["/integrity/plain"] = sigstore.provenance(PLAIN, digest)
    found, _warnings = look(project, tmp_path / "other", mode=REQUIRE)
    assert {verdict.verdict for verdict in found.values()} == {VERIFIED}


def test_a_wheel_from_a_folder_has_nobody_to_attest_it(tmp_path, sigstore) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / DEMO).write_bytes(make_wheel("demo", "1.0"))
    source = f'[tool.uv.sources]\ndemo = {{ path = "{DEMO}" }}\n'
    (folder / "pyproject.toml").write_text(PROJECT.replace(', "plain"', "") + source)
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet", "--offline", "--project", folder], check=True)
    found, warnings = look(folder, tmp_path / "cache")
    assert [verdict.verdict for verdict in found.values()] == [NO_INDEX]
    assert warnings == []


def test_the_bundle_brings_the_record(project, site, tmp_path, capsys) -> None:
    generate_key(tmp_path / "key", None)
    places = ["--project-root", project, "--output-dir", tmp_path / "out", "--cache-dir", tmp_path / "cache"]
    argv = ["build", *map(str, places), "--sign-key", str(tmp_path / "key"), "--quiet"]
    assert cli.main([*argv, "--json"]) == 0
    reported = validated("builder-build", capsys.readouterr().out)
    assert reported["attestations"] == {VERIFIED: 1, NONE: 1, NO_INDEX: 0, UNKNOWN: 0}
    bundle = open_bundle(Path(reported["bundles"][0]["folder"]), pins([read_public_key(tmp_path / "key.pub")]))
    stored: dict[str, bytes] = {}

    def take(entry, blocks) -> None:
        stored[entry.path] = b"".join(blocks)

    bundle.visit(take, lambda _count: None)
    record = json.loads(stored[FILE])
    assert problems("bundle-attestations", record) == []
    assert [row["verdict"] for row in record["wheels"]] == [VERIFIED, NONE]
    assert cli.main(argv) == 0
    assert "1 of 2 wheels verified, 1 without attestation, 0 not checked" in capsys.readouterr().out
    assert cli.main([*argv, "--attestations", "require"]) == 7
    assert "--attestations record" in capsys.readouterr().err
    site.files["/integrity/demo"] = Sigstore().provenance(DEMO, site.digest)
    assert cli.main([*argv, "--cache-dir", str(tmp_path / "fresh")]) == 7
    assert f"{DEMO}: the attestation" in capsys.readouterr().err
