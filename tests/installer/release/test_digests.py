from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from bundle.wheels import record
from installer.release.digests import Digests
from shared.terminal.progress import NoProgress
from tests.validator.checking import release_of
from validator.checks.application.models import Models
from validator.checks.packages.record import Record
from validator.checks.security.integrity import Integrity
from validator.runner import run_checks
from validator.subject import subject_of


@pytest.fixture
def read(monkeypatch):
    """Every file that is hashed, in order."""
    seen, real = [], record.sha256_of

    def counted(path):
        seen.append(os.path.realpath(path))
        return real(path)

    monkeypatch.setattr(record, "sha256_of", counted)
    return seen


def test_a_file_is_read_once_by_however_many_threads(tmp_path, read) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)
    shared = Digests()
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(shared, [path] * 50))
    assert found == {hashlib.sha256(b"x" * 100_000).hexdigest()}
    assert len(read) == 1


def test_a_file_that_changed_is_read_again(tmp_path) -> None:
    path, shared = tmp_path / "file", Digests()
    path.write_bytes(b"one")
    first = shared(path)
    path.write_bytes(b"two, longer")
    assert shared(path) == hashlib.sha256(b"two, longer").hexdigest() != first


def test_what_is_no_file_has_no_digest(tmp_path) -> None:
    assert Digests()(tmp_path) is None
    assert Digests()(tmp_path / "missing") is None


def test_what_cannot_be_read_is_an_error_for_all_who_ask(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("x")

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(record, "sha256_of", refuse)
    shared = Digests()
    for _number in range(2):
        with pytest.raises(PermissionError):
            shared(tmp_path / "file")


def test_the_checks_read_a_release_once(prefix, read) -> None:
    results = run_checks(subject_of(prefix), [Record, Models, Integrity], NoProgress())
    assert [result.status for result in results] == ["PASS"] * 3
    assert len(read) == len(set(read))
    assert str(release_of(prefix).app / "app.py") in read


def altered_in_secret(path) -> None:
    """Change the bytes, and give back the time of modification."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_another_name_keeps_a_known_digest_and_a_change_does_not(tmp_path, read) -> None:
    path, other, shared = tmp_path / "file", tmp_path / "other", Digests()
    path.write_bytes(b"one")
    first = shared(path)
    os.link(path, other)
    assert shared.renew(str(other)) == first
    shared.expect_unlink(str(path))
    other.unlink()
    assert (shared(path), len(read)) == (first, 1)
    path.write_bytes(b"more")
    assert shared.renew(str(path)) is None
    assert shared(path) != first
    assert shared.renew(str(other)) is None  # gone: nothing to keep
    shared.expect_unlink(str(other))


def test_a_change_before_or_after_a_name_is_removed_is_noticed(tmp_path) -> None:
    path, other, shared = tmp_path / "file", tmp_path / "other", Digests()
    path.write_bytes(b"one")
    os.link(path, other)
    first = shared(path)
    altered_in_secret(path)
    shared.expect_unlink(str(path))
    other.unlink()
    assert shared(path) != first
    os.link(path, other)
    second = shared(path)
    shared.expect_unlink(str(path))
    other.unlink()
    assert shared(path) == second
    altered_in_secret(path)
    assert shared(path) == first
