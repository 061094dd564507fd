"""Attestations in a bundle: asked by digest, by a root and publishers of one's choice, and verified again offline."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from builder import cli
from builder.assemble.attested import check_again
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.lock.lock import read_lock
from builder.lockfiles.uv_lock import UvLock
from builder.signing.sign import generate_key, read_public_key
from builder.wheels.attesting import attestations
from builder.wheels.attesting.attestation_record import FILE, FOLDER, NONE, ROOT, UNKNOWN, VERIFIED
from builder.wheels.attesting.attestation_trust import ANYONE, Terms, named, require_known_kinds, unlisted
from bundle.opening import open_bundle
from bundle.signing.policy import pins
from shared.errors import BuildError, TrustError, UsageError
from tests.builder.small_project import _quick  # noqa: F401 - the stand-in for the zipapp
from tests.builder.wheels.attesting.attested import DEMO, PLAIN, Heard, all_wheels
from tests.schemas import problems, validated
from tests.sigstore import REPOSITORY, Sigstore, canonical


def look(project: Path, cache: Path, terms: Terms = ANYONE, **options):
    lock, heard = read_lock(UvLock(project)), Heard()
    fetching = Fetching(Cache(cache), heard, **options)
    found = attestations.inspect(all_wheels(lock), lock, fetching, terms=terms)
    return {wheel.name: verdict for wheel, verdict in found.items()}, heard.warnings


# by digest


def test_a_page_that_lists_the_wheel_under_another_name_is_asked_by_its_digest(project, site, tmp_path) -> None:
    page = site.files["/simple/demo/"].decode()
    assert DEMO in page
    site.files["/simple/demo/"] = page.replace(DEMO, "demo-1.0-1-py3-none-any.whl").encode()
    found, warnings = look(project, tmp_path / "cache")
    assert (found["demo"].verdict, warnings) == (VERIFIED, [])


def test_one_wheel_without_an_answer_leaves_the_others_of_its_project(project, site, tmp_path, monkeypatch) -> None:
    site.files["/simple/plain/"] = b""
    found, warnings = look(project, tmp_path / "cache")
    assert {name: (one.verdict, one.reason) for name, one in found.items()} == {
        "demo": (VERIFIED, ""),
        "plain": (UNKNOWN, "not-listed"),
    }
    assert PLAIN in warnings[0]


def test_each_wheel_has_its_reason(project, site, tmp_path) -> None:
    assert {one.reason for one in look(project, tmp_path / "a", offline=True)[0].values()} == {"offline"}
    found = look(project, tmp_path / "b")[0]
    assert (found["plain"].verdict, found["plain"].reason) == (NONE, "no-provenance")
    site.files["/simple/demo/"] = site.files["/simple/demo/"].replace(site.digest.encode(), b"0" * 64)
    site.files["/simple/plain/"] = b"\xff"
    found = look(project, tmp_path / "c")[0]
    assert (found["demo"].reason, found["plain"].reason) == ("other-digest", "unanswered")
    site.files["/integrity/demo"] = b"{}"
    site.files["/simple/demo/"] = site.files["/simple/demo/"].replace(b"0" * 64, site.digest.encode())
    assert look(project, tmp_path / "d")[0]["demo"].reason == "unreadable"


# a trust root of one's choice


@pytest.fixture
def other_root(tmp_path) -> Path:
    path = tmp_path / "other.json"
    path.write_bytes(canonical(Sigstore().trusted_root()))
    return path


def test_a_trust_root_from_a_file_counts_alone(project, site, sigstore, tmp_path, other_root) -> None:
    own = tmp_path / "own.json"
    own.write_bytes(canonical(sigstore.trusted_root()))
    next((tmp_path / "user").rglob("trusted_root.json")).write_bytes(b"{}")  # the user's own is not read
    assert look(project, tmp_path / "cache", Terms(own))[0]["demo"].root == own.read_bytes()
    with pytest.raises(BuildError, match=f"{DEMO}: the attestation .* is not valid"):
        look(project, tmp_path / "fresh", Terms(other_root))


def test_the_users_own_root_is_read_only_for_an_attestation(project, site, tmp_path) -> None:
    next((tmp_path / "user").rglob("trusted_root.json")).write_bytes(b"{}")
    site.files["/simple/demo/"] = site.files["/simple/demo/"].replace(b'data-provenance="/integrity/demo"', b"")
    assert {one.verdict for one in look(project, tmp_path / "cache")[0].values()} == {NONE}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), "none|No such file|does not exist|not found"),
        (lambda path: path.write_bytes(b""), "is not a sigstore trust root"),
        (lambda path: path.write_bytes(b"{}"), "is not a sigstore trust root"),
        (lambda path: path.write_bytes(b"[" * 100_000), "is not a sigstore trust root"),
        (lambda path: path.write_bytes(b" " * (5 << 20)), "larger|longer|more than"),
        (lambda path: emptied(path, "certificateAuthorities"), "is not a sigstore trust root"),
        (lambda path: emptied(path, "tlogs"), "is not a sigstore trust root"),
        (lambda path: emptied(path, "ctlogs"), "is not a sigstore trust root: ctlogs is empty"),
    ],
    ids=["missing", "empty", "object", "deep", "huge", "no-authority", "no-log", "no-ct-log"],
)
def test_a_file_that_is_no_trust_root_is_refused(project, tmp_path, other_root, change, words) -> None:
    change(other_root)
    with pytest.raises(UsageError, match=words):
        look(project, tmp_path / "cache", Terms(other_root))


def emptied(path: Path, key: str) -> None:
    path.write_bytes(canonical({**json.loads(path.read_bytes()), key: []}))


# publishers


@pytest.mark.parametrize("allowed", [f"github:{REPOSITORY}", f"GitHub:{REPOSITORY.upper()}"])
def test_an_allowed_publisher(project, tmp_path, allowed) -> None:
    found, _warnings = look(project, tmp_path / "cache", Terms(publishers=("gitlab:a/b", allowed)))
    assert found["demo"].verdict == VERIFIED


@pytest.mark.parametrize("offline", [False, True])
def test_another_publisher_is_refused(project, tmp_path, offline) -> None:
    look(project, tmp_path / "cache")
    with pytest.raises(BuildError, match=f"{DEMO} was published by github:{REPOSITORY}, which is not an allowed"):
        look(project, tmp_path / "cache", Terms(publishers=("github:tests/other",)), offline=offline)


@pytest.mark.parametrize("text", ["", "github", "github:", "github:/", "pypi:demo", ":tests/demo"])
def test_a_publisher_of_no_known_form_is_refused(text) -> None:
    with pytest.raises(UsageError, match="does not name a publisher"):
        require_known_kinds([text])


def test_a_publisher_of_an_unknown_kind_is_never_allowed() -> None:
    assert named({"kind": "Later", "repository": "tests/demo"}) == "later"
    assert unlisted([{"kind": "Later", "repository": "tests/demo"}], ["github:tests/demo"]) == ["later"]
    assert unlisted([{"kind": "GitHub", "repository": ["tests/demo"]}], ["github:tests/demo"]) == ["github"]
    assert unlisted([{"kind": "Later"}], []) == []


# verified again


@pytest.fixture
def made(project, tmp_path, capsys) -> Path:
    generate_key(tmp_path / "key", None)
    places = ["--project-root", project, "--output-dir", tmp_path / "out", "--cache-dir", tmp_path / "cache"]
    argv = ["build", *map(str, places), "--sign-key", str(tmp_path / "key"), "--quiet", "--json"]
    assert cli.main(argv) == 0
    return Path(validated("builder-build", capsys.readouterr().out)["bundles"][0]["folder"])


def test_a_bundle_holds_what_verifies_it_again_years_later(made, site, tmp_path, capsys) -> None:
    site.files.clear()
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(tmp_path / "user")
    assert cli.main(["inspect", str(made), "--attestations", "--json"]) == 0
    rows = validated("verify", capsys.readouterr().out)["attestations"]
    assert [(row["wheel"], row["verdict"]) for row in rows] == [(DEMO, VERIFIED), (PLAIN, NONE)]
    assert cli.main(["inspect", str(made), "--attestations", "--publisher", f"github:{REPOSITORY}"]) == 0
    reported = capsys.readouterr().out
    assert "attestations: 1 of 2 wheels verified again" in reported
    assert f"{DEMO}  github:{REPOSITORY}" in reported
    assert f"{PLAIN}  no-provenance" in reported


def test_inspecting_by_another_root_or_publisher_refuses(made, other_root, capsys) -> None:
    assert cli.main(["inspect", str(made), "--attestations", "--trust-root", str(other_root)]) != 0
    assert f"{DEMO}: the attestation from this bundle is not valid" in capsys.readouterr().err
    assert cli.main(["inspect", str(made), "--attestations", "--publisher", "github:tests/other"]) != 0
    assert "not an allowed publisher" in capsys.readouterr().err
    assert cli.main(["inspect", str(made), "--publisher", "github:tests/other"]) == 2
    assert "Add --attestations" in capsys.readouterr().err


def test_a_rebuild_verifies_by_the_root_in_the_bundle(made, project, tmp_path, capsys) -> None:
    root = next((tmp_path / "user").rglob("trusted_root.json"))
    root.write_bytes(canonical(Sigstore().trusted_root()))  # of this user, years later
    places = ["--project-root", project, "--cache-dir", tmp_path / "cache"]
    assert cli.main(["rebuild", "--check", str(made), *map(str, places), "--quiet", "--offline"]) == 0
    assert "Byte-identical" in capsys.readouterr().out


class Changed:
    """A bundle of which some members are others, as if its signer had written them."""

    def __init__(self, real, changes) -> None:
        self.real, self.changes = real, changes
        self.location, self.manifest = real.location, real.manifest

    def visit(self, take, count) -> None:
        def changed(entry, blocks) -> None:
            data = b"".join(blocks)
            found = self.changes.get(entry.path, lambda old: old)(data)
            if found is not None:
                take(entry, iter([found]))

        self.real.visit(changed, count)


def record(change):
    def changed(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return canonical(value)

    return changed


def first(change):
    return {FILE: record(lambda value: change(value["wheels"][0]))}


def object_of(digest: str) -> str:
    return f"{FOLDER}/{digest}.json"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (lambda _site, _own: {FILE: lambda _old: None}, "has no record of attestations"),
        (lambda _site, _own: {FILE: lambda _old: b"[" * 1000}, "not JSON"),
        (lambda _site, _own: {FILE: lambda old: old[:-20]}, "not JSON"),
        (lambda _site, _own: {FILE: record(lambda value: value.update(format=2))}, "format"),
        (lambda _site, _own: {FILE: record(lambda value: value.update(more=1))}, "more"),
        (lambda _site, _own: first(lambda row: row.update(verdict="trusted")), "verdict"),
        (lambda _site, _own: first(lambda row: row.update(sha256="0" * 64)), "not in the manifest with this digest"),
        (lambda _site, _own: first(lambda row: row.update(wheel=PLAIN)), "not in the manifest with this digest"),
        (lambda _site, _own: first(lambda row: row.update(publishers=[])), "other publishers than its attestation"),
        (
            lambda _site, _own: first(lambda row: row["publishers"][0].update(repository="tests/other")),
            "other publishers than its attestation",
        ),
        (
            lambda _site, _own: {
                FILE: record(
                    lambda value: value["wheels"][1].update(
                        verdict=VERIFIED, reason="", publishers=value["wheels"][0]["publishers"]
                    )
                )
            },
            f"{PLAIN}: the bundle has no attestation, although it is recorded as verified",
        ),
        (lambda site, _own: {object_of(site.digest): lambda _old: None}, "has no attestation, although"),
        (lambda site, _own: {object_of(site.digest): lambda _old: b""}, "cannot read the provenance"),
        (
            lambda site, own: {object_of(site.digest): lambda _old: own.provenance(PLAIN, "0" * 64)},
            "the subject does not match",
        ),
        (
            lambda site, own: {object_of(site.digest): lambda _old: own.provenance(DEMO, "0" * 64)},
            "the digest of the subject differs",
        ),
        (
            lambda site, _own: {object_of(site.digest): lambda _old: Sigstore().provenance(DEMO, site.digest)},
            "not valid",
        ),
        (lambda _site, _own: {ROOT: lambda _old: None}, "which is needed to verify its attestations again"),
        (lambda _site, _own: {ROOT: lambda _old: canonical(Sigstore().trusted_root())}, "not the digest of"),
    ],
    ids=[
        *("no-record", "deep", "cut", "format", "more", "verdict", "digest", "name", "no-publisher", "publisher"),
        *("promoted", "no-object", "empty-object", "other-file", "other-digest", "other-signer", "no-root", "root"),
    ],
)
def test_a_bundle_whose_record_does_not_hold_is_refused(made, site, sigstore, tmp_path, changes, words) -> None:
    real = open_bundle(made, pins([read_public_key(tmp_path / "key.pub")]))
    changed = Changed(real, changes(site, sigstore))
    with pytest.raises(TrustError, match=words) as caught:
        check_again(changed, ANYONE)  # type: ignore[arg-type]
    assert "\n" not in caught.value.what
    assert [one.verdict for one in check_again(real, ANYONE)] == [VERIFIED, NONE]


def test_a_root_that_cannot_be_used_in_the_bundle_is_named(made, tmp_path) -> None:
    real = open_bundle(made, pins([read_public_key(tmp_path / "key.pub")]))
    broken = {
        ROOT: lambda _old: b"{}",
        FILE: record(lambda value: value.update(trust_root=hashlib.sha256(b"{}").hexdigest())),
    }
    with pytest.raises(UsageError, match="is not a sigstore trust root"):
        check_again(Changed(real, broken), ANYONE)  # type: ignore[arg-type]


def test_the_record_is_as_its_schema_says(made, tmp_path) -> None:
    stored: dict[str, bytes] = {}
    bundle = open_bundle(made, pins([read_public_key(tmp_path / "key.pub")]))
    bundle.visit(lambda entry, blocks: stored.update({entry.path: b"".join(blocks)}), lambda _count: None)
    found = json.loads(stored[FILE])
    assert problems("bundle-attestations", found) == []
    assert found["trust_root"] == hashlib.sha256(stored[ROOT]).hexdigest()
    assert [row["reason"] for row in found["wheels"]] == ["", "no-provenance"]
    assert {path for path in stored if path.startswith(FOLDER + "/")} == {ROOT, object_of(found["wheels"][0]["sha256"])}
