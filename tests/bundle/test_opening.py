from __future__ import annotations

import errno
import os
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from bundle import digest
from bundle.manifest import NAME
from bundle.names import INSTALLER
from bundle.opening import SUMS, Bundle, open_bundle
from bundle.reading.medium import drain
from bundle.signing.policy import RELEASE_NAMESPACE, pins
from bundle.signing.signature import ED25519, SIGNATURES_LIMIT, parse_public_key
from shared.errors import HostError, TrustError, UsageError
from tests.keys import SoftKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry
    from bundle.signing.policy import Policy
    from tests.tiny import Tiny


@pytest.fixture
def policy(tiny: Tiny) -> Policy:
    return pins([parse_public_key(tiny.key.read_text())])


def read_whole(bundle: Bundle) -> int:
    seen: list[str] = []

    def take(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        drain(blocks)
        seen.append(entry.path)

    advanced: list[int] = []
    bundle.visit(take, advanced.append)
    assert sum(advanced) == bundle.manifest.total_bytes
    assert sorted(seen) == [entry.path for entry in bundle.manifest.files]
    return len(seen)


def refusal(path: Path, policy: Policy) -> str:
    with pytest.raises(TrustError) as caught:
        read_whole(open_bundle(path, policy))
    assert caught.value.advice
    return caught.value.what


def signature_of(folder: Path) -> Path:
    return next(folder.glob(f"{SUMS}.*.sig"))


def sign(folder: Path, key: SoftKey) -> Path:
    path = folder / f"{SUMS}.{key.key.keyid}.sig"
    path.write_bytes(key.sign((folder / SUMS).read_bytes(), RELEASE_NAMESPACE))
    return path


def test_a_folder_an_archive_and_an_unpacked_root(travelled, unpacked, tiny, policy) -> None:
    for path in (tiny.folder, tiny.archive, travelled.folder, unpacked):
        bundle = open_bundle(path, policy)
        assert bundle.manifest == tiny.manifest
        assert bundle.signers[0].key == parse_public_key(tiny.key.read_text())
        assert read_whole(bundle) == len(tiny.manifest.files)
    assert open_bundle(tiny.archive, policy).is_archive
    assert not open_bundle(unpacked, policy).is_archive


def test_the_sums_may_lie_in_the_unpacked_root(unpacked, travelled, policy) -> None:
    for path in [travelled.folder / SUMS, signature_of(travelled.folder)]:
        shutil.move(path, unpacked / path.name)
    for path in (unpacked, unpacked / "02_Dependencies" / ".."):
        assert read_whole(open_bundle(path, policy))


def test_the_working_folder_is_an_unpacked_root(unpacked, policy, monkeypatch) -> None:
    monkeypatch.chdir(unpacked)
    from pathlib import Path

    assert open_bundle(Path(), policy).location == unpacked


def test_what_was_named_is_read_and_nothing_beside_it(unpacked, travelled, policy, tiny) -> None:
    shutil.copy(tiny.archive, travelled.archive)
    assert open_bundle(unpacked, policy).location == unpacked
    assert open_bundle(travelled.archive, policy).location == travelled.archive
    assert open_bundle(travelled.folder, policy).location == travelled.archive
    (unpacked / "03_Source" / "app.py").write_text("import evil\n")
    assert read_whole(open_bundle(travelled.folder, policy))
    assert "03_Source/app.py" in refusal(unpacked, policy)
    shutil.rmtree(unpacked / "02_Dependencies")
    assert "02_Dependencies/" in refusal(unpacked, policy)
    for folder in unpacked.glob("0*"):
        shutil.rmtree(folder)
    assert f"{unpacked}: found neither" in refusal(unpacked, policy)


def test_nothing_there(tmp_path, policy) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        open_bundle(tmp_path / "missing", policy)
    assert "SHA256SUMS is missing" in refusal(tmp_path, policy)


@pytest.mark.parametrize("call", ["stat", "listdir"])
def test_a_folder_that_the_host_refuses_to_look_into(travelled, policy, monkeypatch, call) -> None:
    theirs = getattr(os, call)

    def refuse(path, **options):
        if os.fspath(path).startswith(str(travelled.folder)):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return theirs(path, **options)

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(HostError, match="cannot be read: Input/output error") as caught:
        open_bundle(travelled.folder, policy)
    assert "medium" in caught.value.advice


def test_the_archive_alone(travelled, tmp_path, policy) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(travelled.archive, alone)
    assert "the bundle has no trusted signature" in refusal(alone / travelled.archive.name, policy)


def test_unsigned(travelled, policy) -> None:
    signature_of(travelled.folder).unlink()
    assert "not signed" in refusal(travelled.folder, policy)


def test_signed_by_a_stranger(travelled, policy) -> None:
    signature_of(travelled.folder).unlink()
    stranger = SoftKey(ED25519)
    sign(travelled.folder, stranger)
    assert stranger.key.fingerprint in refusal(travelled.folder, policy)


def test_a_strangers_signature_beside_a_trusted_one_does_no_harm(travelled, policy) -> None:
    sign(travelled.folder, SoftKey(ED25519))
    assert len(open_bundle(travelled.folder, policy).signers) == 1


def test_two_signers_are_needed_and_one_is_broken(travelled, tiny) -> None:
    second = SoftKey(ED25519)
    both = pins([parse_public_key(tiny.key.read_text()), second.key])
    assert "Trusted signatures required: 2; found: 1" in refusal(travelled.folder, both)
    path = sign(travelled.folder, second)
    assert len(open_bundle(travelled.folder, both).signers) == 2
    path.write_bytes(second.sign(b"something else", RELEASE_NAMESPACE))
    assert path.name in refusal(travelled.folder, both)
    # a broken signature is never passed over, even where the others would do
    assert path.name in refusal(travelled.folder, pins([parse_public_key(tiny.key.read_text())]))


def test_a_signature_for_another_purpose(travelled, tiny) -> None:
    key = SoftKey(ED25519)
    path = sign(travelled.folder, key)
    path.write_bytes(key.sign((travelled.folder / SUMS).read_bytes(), "ragtrace-policy@v1"))
    assert path.name in refusal(travelled.folder, pins([key.key]))


def test_a_signature_under_another_name(travelled, policy) -> None:
    path = signature_of(travelled.folder)
    path.rename(path.with_name(f"{SUMS}.{'0' * 16}.sig"))
    assert "not named after its signing key" in refusal(travelled.folder, policy)


def test_more_signatures_than_anybody_makes(travelled, policy) -> None:
    for number in range(SIGNATURES_LIMIT):
        (travelled.folder / f"{SUMS}.{number:016x}.sig").write_bytes(b"x")
    assert "more than 32 signatures" in refusal(travelled.folder, policy)


def test_an_endless_signature(travelled, policy) -> None:
    signature_of(travelled.folder).write_bytes(bytes(1 << 20))
    assert "larger than" in refusal(travelled.folder, policy)


@pytest.mark.parametrize("change", [bytes.upper, lambda data: data + b"\n", lambda data: data[:-1], lambda data: b""])
def test_altered_sums(travelled, policy, change) -> None:
    path = travelled.folder / SUMS
    path.write_bytes(change(path.read_bytes()))
    assert signature_of(travelled.folder).name in refusal(travelled.folder, policy)


def resign(folder: Path, **sums: str) -> Policy:
    """Sign a changed SHA256SUMS with a key of one's own; return the policy that trusts it."""
    known = digest.read_sums((folder / SUMS).read_bytes(), SUMS)
    named = {NAME: sums.get("manifest", known[NAME])} if "only" in sums else {**known, **sums}
    (folder / SUMS).write_bytes(digest.write_sums(named))
    signature_of(folder).unlink()
    key = SoftKey(ED25519)
    sign(folder, key)
    return pins([key.key])


def test_sums_that_name_too_little_or_too_much(travelled) -> None:
    assert SUMS in refusal(travelled.folder, resign(travelled.folder, only=""))


def test_sums_with_an_extra_file(travelled) -> None:
    assert "must list the manifest, the archive and the installer" in refusal(
        travelled.folder, resign(travelled.folder, extra="0" * 64)
    )


def test_sums_with_another_installer(travelled) -> None:
    policy = resign(travelled.folder, **{INSTALLER: "0" * 64})
    assert "its digest of the installer does not match the manifest" in refusal(travelled.folder, policy)


def test_sums_with_another_archive(travelled) -> None:
    policy = resign(travelled.folder, **{travelled.manifest.archive: "0" * 64})
    assert travelled.manifest.archive in refusal(travelled.folder, policy)


def test_another_manifest_than_the_signed_one(travelled, policy) -> None:
    path = travelled.folder / NAME
    path.write_bytes(path.read_bytes().replace(b'"1.0.0"', b'"1.0.1"', 1))
    assert f"{NAME}: its SHA-256 does not match the signed one" in refusal(travelled.folder, policy)


def test_a_signed_manifest_still_obeys_the_rules(travelled) -> None:
    path = travelled.folder / NAME
    path.write_bytes(path.read_bytes().replace(b"app.py", b"../app"))
    policy = resign(travelled.folder, **{NAME: digest.sha256_file(path)[0]})
    assert NAME in refusal(travelled.folder, policy)


def test_an_altered_installer_beside(travelled, policy) -> None:
    path = travelled.folder / INSTALLER
    path.write_bytes(path.read_bytes() + b"x")
    assert INSTALLER in refusal(travelled.folder, policy)
    path.unlink()  # it need not travel beside: it is in the archive too
    assert read_whole(open_bundle(travelled.folder, policy))


def test_neither_archive_nor_unpacked_root(travelled, policy) -> None:
    travelled.archive.unlink()
    assert "neither" in refusal(travelled.folder, policy)


@pytest.mark.parametrize("name", [SUMS, NAME, INSTALLER, ""])
def test_pipes_and_links_in_the_place_of_files(travelled, policy, name) -> None:
    path = travelled.folder / name if name else signature_of(travelled.folder)
    moved = travelled.folder / "moved"
    path.rename(moved)
    path.symlink_to(moved)
    if name != SUMS:  # the folder is looked for through it; what it holds is read without following
        assert path.name in refusal(travelled.folder, policy)
    path.unlink()
    os.mkfifo(path)
    assert path.name in refusal(travelled.folder, policy)


def test_volumes_are_a_bundle_like_its_archive(travelled, policy) -> None:
    volumes = travelled.cut(travelled.archive.stat().st_size // 3 + 1)
    assert len(volumes) == 3
    for path in (travelled.folder, *volumes):
        bundle = open_bundle(path, policy)
        assert bundle.is_archive
        assert bundle.name == travelled.manifest.archive
        assert [path for path, _sha256 in bundle.volumes] == volumes
        assert read_whole(bundle) == len(travelled.manifest.files)


def test_missing_volumes_are_named(travelled, policy) -> None:
    volumes = travelled.cut(travelled.archive.stat().st_size // 4 + 1)
    volumes[1].unlink()
    for path in (travelled.folder, volumes[0]):
        reported = refusal(path, policy)
        assert f"of 4 volumes, these are missing: {volumes[1].name}" in reported
    volumes[3].unlink()
    assert f"{volumes[1].name}, {volumes[3].name}" in refusal(travelled.folder, policy)
    for volume in (volumes[0], volumes[2]):
        volume.unlink()
    reported = refusal(travelled.folder, policy)
    assert all(volume.name in reported for volume in volumes)


def test_of_many_missing_volumes_some_are_named(travelled, policy) -> None:
    volumes = travelled.cut(travelled.archive.stat().st_size // 20)
    for volume in volumes:
        volume.unlink()
    reported = refusal(travelled.folder, policy)
    assert volumes[4].name in reported
    assert volumes[5].name not in reported


def test_a_file_that_is_no_volume_is_not_read(travelled, policy) -> None:
    whole = travelled.archive.read_bytes()
    travelled.cut(len(whole) // 2 + 1)
    travelled.archive.write_bytes(whole)
    assert "is not a volume of this bundle" in refusal(travelled.archive, policy)
    assert read_whole(open_bundle(travelled.folder, policy))


def test_volumes_that_were_unpacked_are_a_folder(travelled, policy) -> None:
    with tarfile.open(travelled.archive) as archive:
        archive.extractall(travelled.folder, filter="data")
    for volume in travelled.cut(travelled.archive.stat().st_size // 2 + 1)[1:]:
        volume.unlink()
    bundle = open_bundle(travelled.folder, policy)
    assert bundle.location == travelled.folder / travelled.manifest.root
    assert read_whole(bundle)


def test_sums_that_skip_a_volume(travelled) -> None:
    first, _second = travelled.cut(travelled.archive.stat().st_size // 2 + 1)
    sums = digest.read_sums((travelled.folder / SUMS).read_bytes(), SUMS)
    for left_out in ([first.name], [name for name in sums if name.startswith(travelled.manifest.archive)]):
        travelled.sign(digest.write_sums({name: sums[name] for name in sums if name not in left_out}))
        assert "must list the manifest, the archive and the installer" in refusal(travelled.folder, travelled.policy)
