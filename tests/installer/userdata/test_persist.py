"""Files that are laid among the user's: what a power cut may leave of them."""

from __future__ import annotations

import os

from installer.layout.journal import Entry
from installer.layout.store import Store
from installer.userdata import persist
from shared.files import files
from tests.tiny import install_tiny, tiny_bundle


def test_what_is_laid_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    prefix = install_tiny(tiny_bundle(tmp_path / "old"), tmp_path / "prefix")
    manifest = prefix.active().manifest()
    shipped = list(persist.shipped(manifest))
    for entry in shipped:
        (prefix.data / entry.inner).unlink()
    synced, named = set(), []
    fsync, replace = os.fsync, files.replace

    def syncing(handle):
        fsync(handle)
        synced.add((os.fstat(handle).st_ino, os.fstat(handle).st_size))

    def replacing(source, target):
        if target.is_relative_to(prefix.data):
            status = source.stat()
            assert (status.st_ino, status.st_size) in synced
            named.append(target.relative_to(prefix.data).as_posix())
        replace(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(files, "replace", replacing)
    persist.write(prefix, manifest, Store(prefix.store), Entry("install", prefix.active().id))
    assert shipped
    assert sorted(named) == sorted(entry.inner for entry in shipped)
