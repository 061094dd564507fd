"""The receipt is compared with the audit log, and where that cannot be, nothing passes."""

from __future__ import annotations

from installer.logs import audit_log
from tests.validator.breaking import rewrite_log
from tests.validator.checking import change, look, release_of
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.security.receipt import ReceiptLogged


def test_it_says_what_was_compared_with_what(prefix) -> None:
    result = look(ReceiptLogged, prefix)
    assert (result.status, "audit log" in result.details) == (PASS, True)


def test_another_receipt_than_the_logged_one_fails(prefix) -> None:
    path = release_of(prefix).receipt_file
    change(path, path.read_bytes() + b" ")
    assert look(ReceiptLogged, prefix).status == FAIL


def test_another_line_than_that_of_the_receipt_fails(prefix) -> None:
    rewrite_log(prefix, "0" * 64)
    assert look(ReceiptLogged, prefix).status == FAIL


def test_no_line_in_the_audit_log_is_no_pass(prefix) -> None:
    audit_log.log_file(prefix).write_bytes(b"")
    result = look(ReceiptLogged, prefix)
    assert (result.status, "validate --full" in result.command) == (WARN, True)


def test_a_removed_installation_vouches_for_none_that_came_after(prefix) -> None:
    audit_log.append(prefix, "uninstall", "done")
    assert look(ReceiptLogged, prefix).status == WARN


def test_an_audit_log_that_cannot_be_read_is_no_pass(prefix, monkeypatch) -> None:
    def refuse(_prefix):
        raise PermissionError(13, "Permission denied", "audit.jsonl")

    monkeypatch.setattr(audit_log, "verify", refuse)
    assert look(ReceiptLogged, prefix).status == SKIP
