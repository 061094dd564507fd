"""A delta is read under the manifest of the whole release, and leaves out what its base brought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bundle import digest
from bundle.manifest import NAME
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS, open_bundle
from bundle.reading import delta
from shared.errors import TrustError
from tests.tiny import COUNTER, Tiny, tiny_bundle

NEWER: dict[str, Any] = {"counter": COUNTER + 1, "version": "1.1.0", "sources": {"src/helper.py": "HELP = 2\n"}}


@pytest.fixture
def newer(tiny, tmp_path) -> Tiny:
    return tiny_bundle(tmp_path / "newer", key=tiny.key.with_suffix(""), **NEWER)


@pytest.fixture
def made(newer, tiny, tmp_path) -> Tiny:
    return newer.delta(tiny, tmp_path / "delta")


def brought(bundle) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    advanced: list[int] = []

    def take(entry, blocks) -> None:
        found[entry.path] = b"".join(blocks)

    bundle.visit(take, advanced.append)
    assert sum(advanced) == bundle.bytes_brought
    return found


def test_only_what_changed_is_in_it(made, newer, tiny) -> None:
    bundle, whole = made.open(), newer.open()
    assert bundle.manifest_bytes == whole.manifest_bytes
    assert bundle.base == tiny.manifest
    assert brought(bundle) == {"03_Source/src/helper.py": b"HELP = 2\n"}
    assert {entry.path for entry in bundle.left_out} == brought(whole).keys() - {"03_Source/src/helper.py"}
    assert not (made.folder / INSTALLER).exists()
    assert whole.left_out == frozenset()
    assert whole.bytes_brought == newer.manifest.total_bytes


def test_it_is_read_unpacked_and_in_volumes_too(made) -> None:
    import tarfile

    whole = brought(made.open())
    with tarfile.open(made.archive) as archive:
        archive.extractall(made.folder, filter="data")
    assert brought(open_bundle(made.folder / made.manifest.root, made.policy)) == whole
    assert len(made.cut(200)) > 2
    assert brought(made.open()) == whole


def test_an_installer_that_changed_travels(newer, tiny, tmp_path) -> None:
    other = tiny_bundle(tmp_path / "other", key=tiny.key.with_suffix(""), installer=b"other\n", **NEWER)
    made = other.delta(tiny, tmp_path / "delta")
    assert INSTALLER_MEMBER in brought(made.open())
    (made.folder / INSTALLER).write_bytes(b"0ther\n")
    with pytest.raises(TrustError, match=INSTALLER):
        made.open()


def resigned(made: Tiny, change) -> Tiny:
    sums = digest.read_sums((made.folder / SUMS).read_bytes(), SUMS)
    change(sums)
    made.sign(digest.write_sums(sums))
    return made


def test_the_bases_manifest_is_signed(made) -> None:
    path = made.folder / delta.BASE
    path.write_bytes(path.read_bytes().replace(b'"1.0.0"', b'"1.0.1"'))
    with pytest.raises(TrustError, match=f"{delta.BASE}: its SHA-256 does not match the signed one"):
        made.open()
    path.unlink()
    with pytest.raises(TrustError, match=f"{delta.BASE}: cannot be read"):
        made.open()


def test_a_delta_without_its_base_is_no_bundle(made) -> None:
    with pytest.raises(TrustError, match="its digest of the installer does not match the manifest"):
        resigned(made, lambda sums: sums.pop(delta.BASE)).open()


def test_an_installer_is_named_where_it_travels_and_only_there(made, newer, tiny, tmp_path) -> None:
    with pytest.raises(TrustError, match="its digest of the installer does not match the manifest"):
        resigned(made, lambda sums: sums.update({INSTALLER: "0" * 64})).open()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda base: replace(base, product=replace(base.product, name="other")), "of other, not of tiny-app"),
        (lambda base: replace(base, target=replace(base.target, python="3.9")), "Python 3.9, not for"),
        (lambda base: replace(base, target=replace(base.target, platform="windows", architecture="amd64")), "not for"),
        (lambda base: replace(base, product=replace(base.product, counter=COUNTER + 1)), "is not lower than"),
    ],
)
def test_a_base_that_cannot_be_one(made, tiny, change, reason) -> None:
    data = change(tiny.manifest).to_bytes()
    (made.folder / delta.BASE).write_bytes(data)
    resigned(made, lambda sums: sums.update({delta.BASE: digest.sha256_bytes(data)}))
    with pytest.raises(TrustError, match=f"{delta.BASE}: .*{reason}"):
        made.open()


def test_a_base_that_is_no_manifest(made) -> None:
    (made.folder / delta.BASE).write_bytes(b"{}")
    resigned(made, lambda sums: sums.update({delta.BASE: digest.sha256_bytes(b"{}")}))
    with pytest.raises(TrustError, match=delta.BASE):
        made.open()


def test_what_hosts_do_not_keep_always_travels(tiny) -> None:
    (lock, *_others) = tiny.manifest.of_kind("lock")
    document = replace(lock, path="05_Documentation/lock.toml", kind="document")
    newer = replace(tiny.manifest, files=(*tiny.manifest.files, document))
    assert document not in delta.left_out(newer, tiny.manifest)
    base = replace(tiny.manifest, files=(document,))
    assert delta.left_out(newer, base) == ()


def test_the_manifest_is_never_left_out(made) -> None:
    (made.folder / NAME).unlink()
    with pytest.raises(TrustError, match=NAME):
        made.open()
