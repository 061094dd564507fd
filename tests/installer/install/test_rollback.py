"""Rolling back: to what, and what is left where it does not work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.digest import sha256_file
from installer.install import rollback
from installer.layout import seal
from installer.logs import audit_log
from installer.release import acceptance
from installer.release.receipt import read_receipt, with_expected, write_receipt
from shared.errors import HostError, InstallError, UsageError
from tests.helpers import NOTES, QUIET, install, snapshot
from tests.installer.install.noted import log, refuse


def test_a_rollback_to_what_is_not_kept_names_what_is(prefix, second) -> None:
    first = prefix.active()
    with pytest.raises(HostError, match=f"{first.id[:-1]}9 is not retained") as caught:
        rollback.rollback(prefix, QUIET, rollback.Goal(f"{first.id[:-1]}9"))
    assert first.id in caught.value.advice
    with pytest.raises(HostError, match=f"{first.id} is already active"):
        rollback.rollback(prefix, QUIET, rollback.Goal(first.id))
    with pytest.raises(UsageError) as wrong:
        rollback.rollback(prefix, QUIET, rollback.Goal("../../else"))
    assert wrong.value.advice
    assert len(log(prefix)) == 1


def test_rollback_needs_somewhere_to_go(prefix) -> None:
    with pytest.raises(HostError, match="retains no release of another version"):
        rollback.rollback(prefix, QUIET)
    with pytest.raises(HostError, match="1-000000000000-r1 is not retained"):
        rollback.rollback(prefix, QUIET, rollback.Goal(f"1-{'0' * 12}-r1"))


def test_a_rollback_that_does_not_work_is_taken_back(prefix, second, monkeypatch) -> None:
    first = prefix.active()
    active = install(second, prefix).active
    before = snapshot(prefix.root, *NOTES)
    monkeypatch.setattr(acceptance, "check_health", refuse(InstallError, "tiny does not work."))
    with pytest.raises(InstallError) as caught:
        rollback.rollback(prefix, QUIET)
    assert f"still {active}" in caught.value.advice
    assert snapshot(prefix.root, *NOTES) == before
    monkeypatch.undo()
    assert rollback.rollback(prefix, QUIET).active == first.id


def test_a_rollback_to_what_does_not_import_is_taken_back(prefix, second) -> None:
    first = prefix.active()
    active = install(second, prefix).active
    module = first.site_packages(first.manifest().target.python) / "tiny_math" / "__init__.py"
    module.chmod(0o644)
    module.write_text("raise RuntimeError('no luck')\n")
    receipt = read_receipt(first)
    items = with_expected(receipt.items, {str(module.relative_to(first.path)): sha256_file(module)[0]})
    first.path.chmod(0o755)
    write_receipt(first, replace(receipt, items=items))
    seal.mark_complete(first)
    audit_log.append(prefix, "recover", "done", release=first.id, receipt_sha256=seal.receipt_sha256(first))
    with pytest.raises(InstallError, match="tiny_math cannot be imported"):
        rollback.rollback(prefix, QUIET)
    assert prefix.active().id == active
