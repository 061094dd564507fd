"""What a repair does not read (ADR 34): a wrong byte that arrives exactly there is found all the same, or later."""

from __future__ import annotations

import os
import zipfile

import pytest

from bootstrap import api
from bundle.wheels import record
from installer.release import receipt
from recovery.inspection.reported import read_diagnosis
from recovery.repair import replacement, reuse
from shared.errors import RagtraceError
from shared.programs.uv import Uv
from tests.hostile.test_shortcuts import altered, exchanged
from tests.recovery.damaging import delete, flip, kept, whole
from validator import report as reports


def wheel(host, name):
    """The kept wheel of a package."""
    return kept(host, next(entry for entry in host.tiny.manifest.of_kind("wheel") if name in entry.path))


@pytest.fixture
def hashed(monkeypatch):
    """The path of every file that is hashed."""
    paths, real = [], record.sha256_of
    monkeypatch.setattr(record, "sha256_of", lambda path, *most: paths.append(str(path)) or real(path, *most))
    return paths


def test_only_the_wheels_that_a_repair_uses_are_read_and_once(host, installed, hashed) -> None:
    delete(host.site / "tiny_lib" / "more.py")
    done = host.recover()
    stored = [path for path in hashed if path.startswith(str(host.prefix.store)) and path in wheels_of(host)]
    assert stored == [str(wheel(host, "tiny_lib"))]
    assert installed == [["tiny-lib"]]
    assert any("3 stored wheels" in note for note in done.plan.notes)
    hashed.clear()
    host.plan()  # nothing is damaged any more, so all of them are read
    assert wheels_of(host) <= set(hashed)


def wheels_of(host):
    return {str(kept(host, entry)) for entry in host.tiny.manifest.of_kind("wheel")}


def test_a_wrong_byte_in_a_wheel_that_is_not_read_is_found_by_validate_and_by_the_next_repair(host, tmp_path) -> None:
    altered(wheel(host, "tiny_unused"))
    delete(host.site / "tiny_lib" / "more.py")
    before = reports.to_bytes(api.validate(host.prefix.root, checks=["ragtrace.store"]))
    (tmp_path / "diagnosis.json").write_bytes(before)
    doubted = host.plan(report=read_diagnosis(tmp_path / "diagnosis.json"))
    assert {finding.kind for finding in doubted.findings} == {"store", "package"}
    done = host.recover()
    assert [finding.kind for finding in done.plan.findings] == ["package"]
    assert receipt.compare(host.release, receipt.read_receipt(host.release)) == []
    (found,) = api.validate(host.prefix.root, checks=["ragtrace.store"]).results
    assert found.status == "WARN"
    assert [finding.kind for finding in host.plan().findings] == ["store"]


def test_a_wrong_byte_in_a_wheel_that_is_used_is_found_before(host) -> None:
    altered(wheel(host, "tiny_lib"))
    delete(host.site / "tiny_lib" / "more.py")
    assert {finding.kind for finding in host.plan().findings} == {"store", "package"}


@pytest.mark.parametrize("spoil", [altered, exchanged])
def test_a_wheel_that_is_spoilt_after_it_was_read_is_not_used(host, monkeypatch, spoil) -> None:
    venv, before = Uv.venv, host.release

    def then_spoil(*arguments) -> None:
        venv(*arguments)
        spoil(wheel(host, "tiny_lib"))

    delete(host.site / "tiny_lib" / "more.py")
    monkeypatch.setattr(Uv, "venv", then_spoil)
    with pytest.raises(RagtraceError, match="is missing or damaged in"):
        host.recover()
    assert host.release == before


def with_another_list(path):
    """Let a wheel's list of files name another digest, in as many bytes as before."""
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    name, size = next(name for name in members if name.endswith("/RECORD")), path.stat().st_size
    beside = path.with_name("beside")
    for letter in "ABCDEFGH":
        changed = {**members, name: members[name].replace(b"sha256=", b"sha256=" + letter.encode() * 3, 1)}
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
            for member, data in changed.items():
                new.writestr(member, data)
        with zipfile.ZipFile(beside, "a") as new:
            new.comment = b" " * (size - beside.stat().st_size)
        if beside.stat().st_size == size:
            beside.chmod(0o444)
            os.replace(beside, path)
            return
    raise AssertionError


def test_the_list_of_a_wheel_that_is_not_read_is_no_evidence(host, hashed) -> None:
    with_another_list(wheel(host, "tiny_unused"))
    delete(host.site / "tiny_lib" / "more.py")
    plan = host.plan()
    assert wheels_of(host) <= set(hashed)  # it contradicts the receipt, so it is read, and is not the signed one
    assert {finding.kind for finding in plan.findings} == {"store", "package"}


def test_a_file_that_is_spoilt_while_it_is_reused_stops_the_repair(host, monkeypatch) -> None:
    take_over, before = reuse.take_over, host.release

    def spoilt(items, *arguments):
        altered(host.site / "tiny_math" / "text.py")
        take_over(items, *arguments)

    delete(host.site / "tiny_lib" / "more.py")
    monkeypatch.setattr(replacement, "take_over", spoilt)
    host.recover()  # what cannot be reused is built anew
    assert host.release != before
    whole(host)


def test_a_wrong_byte_in_a_file_that_another_thread_hashes_is_found(host, monkeypatch) -> None:
    monkeypatch.setattr(record, "LARGE", 3)
    flip(host.site / "tiny_math" / "text.py")
    assert [finding.name for finding in host.plan().findings] == ["tiny-math"]


def test_a_manifest_that_changed_is_parsed_again(host) -> None:
    first, second = host.release.manifest(), host.release.manifest()
    assert first == second
    assert first is not second  # what a run of checks knows is stored with its own manifest
    flip(host.release.bundle / "MANIFEST.json")
    with pytest.raises(RagtraceError):
        host.release.manifest()
