"""Files that are taken over keep bytes and times, and only what the receipt says goes through."""

from __future__ import annotations

import os

import pytest

from bundle.wheels import record
from installer.layout.release import Release
from installer.release import receipt
from installer.release.digests import Digests
from recovery.repair import reuse
from shared.errors import InstallError


@pytest.fixture
def items(host):
    return list(reuse.good_items(receipt.read_receipt(host.release), (), frozenset({"tiny-lib"})))


def test_packages_are_taken_whole_but_for_those_installed_anew(items):
    owners = {item.owner for item in items}
    assert owners == {"tiny-math", "tiny-text", "tiny-unused", receipt.APP}
    assert any(item.path.endswith(".pyc") for item in items)


def test_an_application_with_a_damaged_file_is_laid_out_and_compiled_again(host, items):
    ours = [item.path for item in items if item.owner == receipt.APP]
    assert any(path.endswith(".pyc") for path in ours)
    damaged = receipt.Deviation(next(path for path in ours if path.endswith(".py")), receipt.ALTERED, receipt.APP)
    left = reuse.good_items(receipt.read_receipt(host.release), (damaged,), frozenset())
    assert not [item for item in left if item.owner == receipt.APP]


@pytest.mark.parametrize("links", [True, False])
def test_bytes_and_times_stay(host, items, tmp_path, monkeypatch, links):
    if not links:

        def refused(source, target):
            raise PermissionError

        monkeypatch.setattr(os, "link", refused)
    new = Release(tmp_path / "1-0123456789ab-r2")
    reuse.take_over(items, host.release, new, Digests())
    for item in items:
        source, target = host.release.path / item.path, new.path / item.path
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
        assert (target.stat().st_ino == source.stat().st_ino) == links


def test_bytecode_that_changed_since_it_was_looked_at_is_refused(host, items, tmp_path):
    bytecode = next(item for item in items if item.path.endswith(".pyc"))
    wrong = bytecode._replace(content="0" * 64)
    with pytest.raises(InstallError, match="changed"):
        reuse.take_over([wrong], host.release, Release(tmp_path / "1-0123456789ab-r2"), Digests())


def test_files_that_were_read_a_moment_ago_are_not_read_again(host, items, tmp_path, monkeypatch):
    known = Digests()
    assert receipt.compare(host.release, receipt.read_receipt(host.release), known) == []
    read, real = [], record.sha256_of
    monkeypatch.setattr(record, "sha256_of", lambda path: read.append(os.fspath(path)) or real(path))
    changed = items[0]
    source = host.release.path / changed.path
    source.chmod(0o644)
    source.write_bytes(source.read_bytes() + b"#")
    new = Release(tmp_path / "1-0123456789ab-r2")
    with pytest.raises(InstallError, match="changed"):
        reuse.take_over(items, host.release, new, known)
    assert read == [str(source)]


def test_a_change_that_hides_its_time_is_noticed_before_the_new_name_is_given(host, items, tmp_path):
    known = Digests()
    receipt.compare(host.release, receipt.read_receipt(host.release), known)
    source = next(path for path in (host.release.path / item.path for item in items) if path.stat().st_size)
    before = source.stat()
    source.chmod(0o644)
    source.write_bytes(bytes(len(source.read_bytes())))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InstallError, match="changed"):
        reuse.take_over(items, host.release, Release(tmp_path / "1-0123456789ab-r2"), known)


def test_bytecode_that_is_not_taken_over_is_written_again(host):
    sealed, release = receipt.read_receipt(host.release), host.release
    lost = [item for item in sealed.items if item.path.endswith(".pyc")][:2]
    assert len(lost) == 2
    for item in lost:
        path = release.path / item.path
        path.parent.chmod(0o755)
        path.unlink()
    reuse.compile_again(sealed, release)
    for item in lost:
        path = release.path / item.path
        module = path.parent.parent / (path.name.partition(".")[0] + ".py")
        assert path.read_bytes()[8:12] == int(module.stat().st_mtime).to_bytes(4, "little")  # PEP 552


def test_a_module_that_does_not_compile_any_more_is_told(host):
    sealed, release = receipt.read_receipt(host.release), host.release
    path = next(release.path / item.path for item in sealed.items if item.path.endswith(".pyc"))
    module = path.parent.parent / (path.name.partition(".")[0] + ".py")
    for folder in (path.parent, module.parent, module):
        folder.chmod(0o755)
    path.unlink()
    module.write_text("def broken(:")
    with pytest.raises(InstallError, match="do not compile"):
        reuse.compile_again(sealed, release)
