from __future__ import annotations

import os
import shutil

import pytest

from bootstrap import api
from installer.layout import journal, proofs
from installer.logs import audit_log
from installer.userdata import backups
from shared.errors import HostError
from tests.validator.checking import look
from validator.check import FAIL, OPERATOR, PASS, WARN
from validator.checks.application.places import Places


def test_passes_as_installed(prefix) -> None:
    assert look(Places, prefix).status == PASS


@pytest.mark.parametrize("place", ["state/lock", "state/journal.json", "state/audit/audit.jsonl", "backups"])
def test_a_pipe_in_its_place_fails(prefix, place) -> None:
    path = prefix.root / place
    path.unlink(missing_ok=True) if not path.is_dir() else shutil.rmtree(path)
    os.mkfifo(path)
    result = look(Places, prefix)
    assert result.status == FAIL
    assert result.evidence == {"places": [place]}


def test_a_missing_audit_log_fails(prefix) -> None:
    audit_log.log_file(prefix).unlink()
    result = look(Places, prefix)
    assert (result.status, result.details) == (FAIL, "state/audit/audit.jsonl is missing")


def test_right_after_a_rotation_only_the_full_file_is_there(prefix) -> None:
    log = audit_log.log_file(prefix)
    log.rename(log.with_name("audit.000001.jsonl"))
    assert look(Places, prefix).status == PASS


def test_a_damaged_journal_fails(prefix) -> None:
    journal.path(prefix).write_bytes(b"{")
    assert look(Places, prefix).status == FAIL


def test_a_lost_second_copy_warns(prefix) -> None:
    shutil.rmtree(proofs.folder(prefix))
    assert look(Places, prefix).status == WARN


@pytest.mark.parametrize("is_there", [True, False])
def test_a_backup_that_cannot_be_read_warns(prefix, is_there) -> None:
    index = backups.create(prefix, backups.new_name(prefix, backups.MANUAL)) / "index.json"
    index.write_bytes(b"{") if is_there else index.unlink()
    result = look(Places, prefix)
    assert result.status == WARN
    assert result.evidence == {"backups": [index.parent.name]}


@pytest.mark.parametrize("place", ["releases", "the release"])
def test_a_folder_of_ours_elsewhere_fails_and_recover_says_what_to_do(prefix, tmp_path, place) -> None:
    folder = prefix.active().path if place == "the release" else prefix.releases
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    result = look(Places, prefix)
    assert (result.status, result.remedy) == (FAIL, OPERATOR)
    assert "move the folder back" in result.suggestion
    for plan_or_recover in (api.plan_recovery, api.recover):
        with pytest.raises(HostError, match=r"is a link to .*elsewhere") as caught:
            plan_or_recover(prefix.root)
        assert "move the folder back" in caught.value.advice
    assert folder.is_symlink()
