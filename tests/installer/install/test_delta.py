"""A delta is installed where its base is, from files that are hashed again, and nowhere else."""

from __future__ import annotations

import pytest

from bootstrap import api
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from installer.install import rollback, upgrade
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.release import receipt
from shared.errors import HostError
from shared.processes import process
from tests.helpers import QUIET, admitted, install_opened
from tests.tiny import COUNTER, Tiny, tiny_bundle


@pytest.fixture
def whole(tiny, tmp_path) -> Tiny:
    sources = {"src/helper.py": "HELP = 2\n"}
    key = tiny.key.with_suffix("")
    return tiny_bundle(tmp_path / "newer", key=key, counter=COUNTER + 1, version="1.1.0", sources=sources)


@pytest.fixture
def made(whole, tiny, tmp_path) -> Tiny:
    return whole.delta(tiny, tmp_path / "delta")


def test_a_delta_makes_the_release_that_the_whole_bundle_makes(made, whole, prefix, tiny, tmp_path) -> None:
    (found,) = [finding for finding in api.plan(made.open(), prefix.root) if finding.name == "Base release"]
    assert found.fits
    assert f"counter {COUNTER}" in found.details
    outcome = install_opened(made.open(), prefix)
    other = Prefix(tmp_path / "other")
    install_opened(whole.open(), other)
    assert outcome.active == other.active().id
    items = [
        {item.path: item.content for item in receipt.read_receipt(one.active()).items if ".pyc" not in item.path}
        for one in (prefix, other)
    ]
    differing = {path for path in items[0].keys() | items[1].keys() if items[0].get(path) != items[1].get(path)}
    # its sums and signature are its own, and some files hold the path of the prefix or of its store
    assert all(path.startswith(("bundle/SHA256SUMS", "models/", "venv/")) for path in differing), differing
    rollback.rollback(prefix, QUIET)
    assert prefix.active().counter == COUNTER


def test_a_host_without_the_base_is_told_which_bundle_to_bring(made, tmp_path) -> None:
    root = tmp_path / "empty"
    (found,) = [finding for finding in api.plan(made.open(), root) if finding.name == "Base release"]
    assert not found.fits
    with pytest.raises(HostError, match=r"needs from tiny-app 1\.0\.0, is missing") as caught:
        install_opened(made.open(), Prefix(root))
    assert f"full bundle of tiny-app 1.1.0 (release counter {COUNTER + 1})" in caught.value.advice
    assert f"version 1.0.0 (release counter {COUNTER})" in caught.value.advice
    assert not root.exists()


@pytest.mark.parametrize("kind", ["wheel", "model", "source"])
def test_a_kept_file_that_is_damaged_is_not_taken(made, prefix, kind) -> None:
    entry = next(entry for entry in made.open().left_out if entry.kind == kind and entry.size)
    path = Store(prefix.store).path(entry.sha256)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    before = prefix.active()
    with pytest.raises(HostError, match=f"{entry.path}, which this delta bundle needs"):
        install_opened(made.open(), prefix)
    assert prefix.active() == before
    (found,) = [finding for finding in api.plan(made.open(), prefix.root) if finding.name == "Base release"]
    assert not found.fits
    assert not list(prefix.backups.iterdir())  # nothing had been begun
    path.unlink()
    with pytest.raises(HostError, match=entry.path):
        install_opened(made.open(), prefix)


def test_the_installer_comes_from_the_store(made, prefix, tmp_path) -> None:
    bundle, copy = made.open(), tmp_path / "copy.pyz"
    upgrade.copy_installer(bundle, copy, Store(prefix.store))
    assert not (made.folder / INSTALLER).exists()
    member = made.manifest.entry(INSTALLER_MEMBER)
    assert copy.read_bytes() == Store(prefix.store).path(member.sha256).read_bytes()


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_an_upgrade_says_what_is_missing_before_anything_runs(made, prefix, damage, monkeypatch) -> None:
    entry = made.manifest.entry(INSTALLER_MEMBER)
    path = Store(prefix.store).path(entry.sha256)
    path.chmod(0o644)
    path.write_bytes(b"x" * entry.size)
    if damage == "gone":
        path.unlink()
    monkeypatch.setattr(process, "attend", lambda *_arguments, **_options: pytest.fail("it ran"))
    with pytest.raises(HostError, match=f"{INSTALLER_MEMBER}, which this delta bundle needs") as caught:
        upgrade.pass_control(admitted(made.open(), prefix), made.folder, [])
    assert "full bundle of tiny-app 1.1.0" in caught.value.advice
