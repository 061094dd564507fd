from __future__ import annotations

from tests.validator.checking import change, look, release_of
from validator.check import PASS, SKIP, WARN
from validator.checks.application.store import StoredFiles


def kept(prefix, kind):
    return next(
        (entry, prefix.store / entry.sha256[:2] / entry.sha256) for entry in release_of(prefix).manifest().of_kind(kind)
    )


def test_what_is_whole_is_counted(prefix) -> None:
    result = look(StoredFiles, prefix)
    assert (result.status, "stored for repairs" in result.details) == (PASS, True)


def test_what_is_damaged_or_gone_is_named(prefix) -> None:
    wheel, path = kept(prefix, "wheel")
    change(path, path.read_bytes()[:-1])
    source, path = kept(prefix, "source")
    path.unlink()
    result = look(StoredFiles, prefix)
    assert result.status == WARN
    assert set(result.evidence["kept"]) == {wheel.path, source.path}
    assert "install" in result.command


def test_nothing_installed_is_skipped() -> None:
    assert look(StoredFiles, None).status == SKIP
