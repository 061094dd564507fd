from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bootstrap import host_findings, lockfile, preflight
from bootstrap.bundle.target import Target, host_target
from bootstrap.errors import BusyError, HostError
from bootstrap.prefix import Prefix
from tests.bundles import make_manifest

HERE = Target(host_target().platform, host_target().architecture, host_target().python)
MANIFEST = make_manifest(target=HERE)


def unfit(manifest, root) -> list[str]:
    findings = preflight.preflight(manifest, Prefix(root))
    assert all(finding.advice for finding in findings if not finding.fits)
    return [finding.name for finding in findings if not finding.fits]


def statvfs(inodes: int) -> SimpleNamespace:
    size = 1 << 50
    return SimpleNamespace(f_files=inodes, f_favail=inodes, f_bavail=size, f_bfree=size, f_blocks=size, f_frsize=1)


def test_this_host_fits_and_nothing_is_left(tmp_path) -> None:
    assert unfit(MANIFEST, tmp_path / "a/b") == []
    assert list(tmp_path.iterdir()) == []
    preflight.demand(preflight.preflight(MANIFEST, Prefix(tmp_path / "a/b")))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"target": Target("windows", "amd64", HERE.python)}, "Platform"),
        ({"target": replace(HERE, architecture={"x86_64": "aarch64"}.get(HERE.architecture, "x86_64"))}, "Platform"),
        ({"target": replace(HERE, python="3.9" if HERE.python != "3.9" else "3.10")}, "Python"),
        ({"python_range": (98, 99)}, "Python"),
        ({"target": replace(HERE, glibc=(2, 99))}, "C library"),
        ({"installed_bytes": 1 << 60}, "Space"),
        ({"installed_files": 1 << 50}, "Inodes"),
    ],
)
def test_bundles_that_do_not_fit(tmp_path, monkeypatch, change, name) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: statvfs(10_000))
    assert unfit(replace(MANIFEST, **change), tmp_path / "new") == [name]
    with pytest.raises(HostError):
        preflight.demand(preflight.preflight(replace(MANIFEST, **change), Prefix(tmp_path / "new")))


def test_a_filesystem_that_makes_inodes_as_needed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: statvfs(0))
    assert unfit(MANIFEST, tmp_path / "new") == []


def test_space_is_compared_to_the_byte(tmp_path, monkeypatch) -> None:
    needed = preflight.needed_bytes(MANIFEST)
    for free, expected in ((needed, []), (needed - 1, ["Space"])):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        assert unfit(MANIFEST, tmp_path / "new") == expected


def test_no_glibc(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(host_findings, "host_glibc", lambda: None)
    assert unfit(MANIFEST, tmp_path / "new") == ["C library"]


def test_places_that_do_not_fit(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    assert unfit(MANIFEST, tmp_path / "file") == ["Folder", "Permission"]
    (tmp_path / "link").symlink_to(tmp_path)
    assert unfit(MANIFEST, tmp_path / "link") == ["Folder"]
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert unfit(MANIFEST, tmp_path / "dangling") == ["Folder"]
    assert unfit(MANIFEST, tmp_path) == ["Folder"]
    (tmp_path / "empty").mkdir()
    assert unfit(MANIFEST, tmp_path / "empty") == []
    Prefix(tmp_path / "ours").make()
    assert unfit(MANIFEST, tmp_path / "ours") == []


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch) -> None:
    def refuse(**_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(preflight.tempfile, "TemporaryDirectory", refuse)
    assert unfit(MANIFEST, tmp_path / "new") == ["Permission"]


# the lock


def test_a_held_lock_refuses_at_once_and_is_free_afterwards(tmp_path) -> None:
    path = tmp_path / "lock"
    with lockfile.locked(path), pytest.raises(BusyError, match=f"process {os.getpid()}"), lockfile.locked(path):
        pass
    with lockfile.locked(path):
        pass


def test_waiting_for_a_lock(tmp_path, monkeypatch) -> None:
    path = tmp_path / "lock"
    holding, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with lockfile.locked(path):
            holding.set()
            enough.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(10)
    monkeypatch.setattr(lockfile.time, "sleep", lambda _seconds: (enough.set(), holder.join(10)))
    with lockfile.locked(path, wait=60):
        assert enough.is_set()
