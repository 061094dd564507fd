"""Second copies are compared; tests/reliability/test_copies.py has the kinds of rot and what a repair makes of them."""

from __future__ import annotations

from installer.layout import proofs
from installer.logs import audit_log
from tests.validator.checking import look_all
from validator.check import FAIL, PASS
from validator.checks.security.copies import SecondCopies


def keep_metadata(prefix) -> None:
    proofs.keep(prefix, proofs.read_metadata(prefix.active().bundle))


def statuses(check, prefix) -> list[str]:
    return [result.status for result in look_all(check, prefix)]


def test_whole_copies_pass(prefix) -> None:
    keep_metadata(prefix)
    assert statuses(SecondCopies, prefix) == [PASS, PASS, PASS]


def test_metadata_without_a_second_copy_fail(prefix) -> None:
    keep_metadata(prefix)
    (place,) = proofs.folder(prefix).iterdir()
    (place / "SHA256SUMS").write_bytes(b"")
    assert statuses(SecondCopies, prefix) == [FAIL, PASS, PASS]


def test_a_broken_chain_fails(prefix) -> None:
    keep_metadata(prefix)
    audit_log.log_file(prefix).write_bytes(b"nonsense\n")
    assert statuses(SecondCopies, prefix) == [PASS, FAIL, PASS]
