from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import tomllib
from packaging.pylock import Pylock

from bundle.lock import PYLOCK, require_lock, rows_of, write_pylock
from bundle.manifest import Package
from shared.errors import TrustError
from tests.bundles import WHEEL, entry, make_manifest

OTHER = "02_Dependencies/wheels/a/more-0.1-py3-none-any.whl"


def two():
    """Return a manifest of two packages, and of a lock that is theirs."""
    wheels = [entry(OTHER, "wheel", b"other"), entry(WHEEL, "wheel", b"demo")]
    packages = (Package("more", "0.1", OTHER, None), Package("demo-lib", "1.2.0", WHEEL, None))
    manifest = make_manifest(files=tuple(wheels), packages=packages)
    return with_lock(manifest, write_pylock(rows_of(manifest)))


def with_lock(manifest, data):
    others = tuple(file for file in manifest.files if file.path != PYLOCK)
    return replace(manifest, files=(entry(PYLOCK, "lock", data), *others))


def test_it_names_each_wheel_once_with_its_digest() -> None:
    read = Pylock.from_dict(tomllib.loads(write_pylock(rows_of(two())).decode())).packages
    assert [(str(package.name), str(package.version)) for package in read] == [("more", "0.1"), ("demo-lib", "1.2.0")]
    wheels = [package.wheels[0] for package in read]
    assert [wheel.path for wheel in wheels] == ["wheels/a/more-0.1-py3-none-any.whl", WHEEL.partition("/")[2]]
    assert wheels[1].hashes == {"sha256": hashlib.sha256(b"demo").hexdigest()}
    assert all(len(package.wheels) == 1 for package in read)


def test_some_packages_alone() -> None:
    assert [row.name for row in rows_of(two(), {"demo-lib", "unknown"})] == ["demo-lib"]


def test_the_order_of_the_rows_does_not_count() -> None:
    rows = rows_of(two())
    assert write_pylock(rows) == write_pylock(rows[::-1])


def test_only_the_manifests_own_lock_is_accepted() -> None:
    manifest = two()
    require_lock(manifest)
    data = write_pylock(rows_of(manifest))
    for other in (data + b"\n", data.replace(b"0.1", b"0.2"), b""):
        with pytest.raises(TrustError, match="does not match the packages in the manifest"):
            require_lock(with_lock(manifest, other))


def test_a_bundle_without_a_lock_is_refused() -> None:
    manifest = two()
    with pytest.raises(TrustError, match=PYLOCK):
        require_lock(replace(manifest, files=manifest.files[1:]))
