"""Wheels that are installed while the rest of the bundle is verified: the same release, and refused as strictly."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bundle.digest import sha256_file
from bundle.reading.medium import damaged
from bundle.wheels import conflicts, record, sizes, structure
from installer.layout.prefix import Prefix
from installer.layout.store import Store
from installer.release import stage
from installer.release.environment import meanwhile
from installer.release.environment.wheels import Environment
from installer.release.receipt import read_receipt
from shared.errors import HostError, RagtraceError, ToolError, TrustError
from shared.processes import cgroups, process
from shared.processes.beside import Beside
from shared.programs.uv import Uv
from tests.helpers import install


@pytest.fixture
def batches(monkeypatch) -> list[set[str]]:
    """Install each wheel as soon as it has arrived; gives the packages of each batch."""
    seen, real = [], Environment.install
    monkeypatch.setattr(meanwhile, "LEAST", 1)
    monkeypatch.setattr(cgroups, "has_room", lambda _processors, _memory: True)
    monkeypatch.setattr(Environment, "install", lambda self, names: (seen.append(set(names)), real(self, names))[1])
    return seen


@pytest.fixture
def slowly(monkeypatch) -> None:
    """Let each batch end before the next wheel is verified."""
    real = meanwhile.Arrivals.add

    def add(self, entry) -> None:
        real(self, entry)
        while self.second.ident is not None and self._waiting and not self.second.ended.is_set():
            os.sched_yield()

    monkeypatch.setattr(meanwhile.Arrivals, "add", add)


def contents(prefix: Prefix) -> dict[str, str]:
    """Return path and content of the release's packages, without what names the release."""
    site = next(iter((prefix.active().venv / "lib").iterdir())) / "site-packages"
    return {str(path.relative_to(site)): sha256_file(path)[0] for path in site.rglob("*.py")}


def test_a_release_is_the_same_in_one_batch_or_in_several(tiny, tmp_path, batches, slowly, monkeypatch) -> None:
    several, one = Prefix(tmp_path / "several"), Prefix(tmp_path / "one")
    install(tiny, several)
    assert len(batches) > 1
    assert set.union(*batches) == {package.name for package in tiny.manifest.packages}
    assert sum(map(len, batches)) == len(tiny.manifest.packages)  # none twice
    monkeypatch.setattr(cgroups, "has_room", lambda _processors, _memory: False)
    batches.clear()
    install(tiny, one)
    assert batches == [{package.name for package in tiny.manifest.packages}]
    assert contents(several) == contents(one)
    assert [item.path for item in read_receipt(several.active()).items] == [
        item.path for item in read_receipt(one.active()).items
    ]
    assert not list(several.root.rglob("uv-cache"))


def test_the_files_of_a_batch_are_hashed_once_and_beside_the_rest(tiny, tmp_path, batches, slowly, monkeypatch) -> None:
    hashed, real = [], record.sha256_of

    def noted(path, *most):
        hashed.append((str(path), threading.current_thread() is threading.main_thread()))
        return real(path, *most)

    monkeypatch.setattr(record, "sha256_of", noted)
    install(tiny, Prefix(tmp_path / "prefix"))
    assert [is_main for path, is_main in hashed if path.endswith("tiny_lib/__init__.py")] == [False]


def test_a_member_that_is_refused_after_packages_were_installed_leaves_nothing(
    tiny, tmp_path, batches, slowly, monkeypatch
) -> None:
    real = stage.verify_into_store

    def refuse_the_last(*arguments) -> None:
        real(*arguments)
        raise damaged("07_Models/last", "wrong digest")

    monkeypatch.setattr(stage, "verify_into_store", refuse_the_last)
    prefix = Prefix(tmp_path / "prefix")
    with pytest.raises(TrustError, match="wrong digest"):
        install(tiny, prefix)
    assert batches
    assert sorted(path.name for path in prefix.root.iterdir()) == ["state"]


def test_a_wheel_that_is_spoilt_before_its_batch_is_found(tiny, tmp_path, batches, monkeypatch) -> None:
    prefix, real = Prefix(tmp_path / "prefix"), meanwhile.Arrivals.add

    def spoil(self, entry) -> None:
        if entry.path in self._names:
            path = Store(prefix.store).path(entry.sha256)
            path.chmod(0o644)
            path.write_bytes(b"x" * entry.size)
        real(self, entry)

    monkeypatch.setattr(meanwhile.Arrivals, "add", spoil)
    with pytest.raises(RagtraceError, match=r"missing or damaged|not a readable wheel"):
        install(tiny, prefix)
    assert prefix.active() is None


def test_each_batch_is_checked_for_conflicts_before_uv_gets_it(tiny, tmp_path, batches, slowly, monkeypatch) -> None:
    def refuse(_manifest, wheels, only) -> None:
        raise damaged("MANIFEST.json.conflicts", f"{len(list(wheels))} of {len(only)}")

    monkeypatch.setattr(conflicts, "decided", refuse)
    monkeypatch.setattr(Uv, "install", lambda *_arguments: pytest.fail("uv was to install it"))
    with pytest.raises(TrustError, match="1 of 1"):
        install(tiny, Prefix(tmp_path / "prefix"))


def test_more_than_the_manifest_states_is_never_unpacked(tiny, tmp_path, batches, slowly, monkeypatch) -> None:
    monkeypatch.setattr(structure, "unpacked", lambda _path, _name: sizes.Unpacked(1 << 40, 1))
    with pytest.raises(TrustError, match="declares"):
        install(tiny, Prefix(tmp_path / "prefix"))
    assert batches == []


@pytest.mark.parametrize("error", [OSError(errno.EAGAIN, "no more"), RuntimeError("can't start new thread")])
def test_a_host_without_resources_for_both_installs_afterwards(tiny, tmp_path, batches, slowly, monkeypatch, error):
    real = ThreadPoolExecutor.submit
    failed: list[object] = []

    def submit(self, work, *arguments):
        if getattr(work, "__name__", "") == "_hash" and not failed:
            failed.append(work)
            raise error
        return real(self, work, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    prefix = Prefix(tmp_path / "prefix")
    install(tiny, prefix)
    assert failed
    assert batches[-1] == {package.name for package in tiny.manifest.packages}
    assert prefix.active().is_complete


def test_a_host_without_a_thread_to_spare_installs_afterwards(tiny, tmp_path, batches, monkeypatch) -> None:
    def refuse(_self) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Beside, "start", refuse)
    install(tiny, Prefix(tmp_path / "prefix"))
    assert batches == [{package.name for package in tiny.manifest.packages}]


@pytest.mark.parametrize("error", [ToolError("uv failed."), HostError("no space.")])
def test_what_an_installation_beside_fails_with_is_reported(tiny, tmp_path, batches, slowly, monkeypatch, error):
    def fail(*_arguments) -> None:
        raise error

    monkeypatch.setattr(Uv, "install", fail)
    with pytest.raises(RagtraceError, match=error.what):
        install(tiny, Prefix(tmp_path / "prefix"))
    assert len(batches) == 1


def test_a_refusal_ends_uv_at_once(tiny, tmp_path, batches, monkeypatch) -> None:
    mark, run, add = tmp_path / "began", process.run, meanwhile.Arrivals.add

    def endless(argv, **options):
        if "install" not in argv:
            return run(argv, **options)
        return run(["sh", "-c", f": > '{mark}'; sleep 600"], **{**options, "env": None})

    def refuse(self, entry) -> None:
        add(self, entry)
        while entry.path in self._names and not mark.exists():
            os.sched_yield()
        if mark.exists():
            raise damaged(entry.path, "wrong digest")

    monkeypatch.setattr(process, "run", endless)
    monkeypatch.setattr(meanwhile.Arrivals, "add", refuse)
    with pytest.raises(TrustError, match="wrong digest"):
        install(tiny, Prefix(tmp_path / "prefix"))
