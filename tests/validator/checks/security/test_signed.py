"""The receipt, the RECORDs and the audit log may say what they want: the signed wheels decide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.signing.policy import pins
from bundle.signing.signature import ED25519
from installer.release import launchers
from shared.terminal.progress import NoProgress
from tests.installed import KEY, make_prefix
from tests.keys import SoftKey
from tests.validator.breaking import World, forge, forge_a_module
from tests.validator.checking import change, look, release_of, site_of
from validator.check import ERROR, FAIL, PASS
from validator.checks.packages.record import Record
from validator.checks.security.integrity import Integrity
from validator.checks.security.receipt import ReceiptLogged
from validator.checks.security.signed import SignedFiles
from validator.remedy import decide_remedies
from validator.runner import results_of
from validator.subject import subject_of


@pytest.fixture
def world(prefix, tmp_path, monkeypatch) -> World:
    return World(prefix, tmp_path, monkeypatch)


def judged(prefix, policy):
    """Look at the signed files where a policy says who may sign."""
    subject = replace(subject_of(prefix), policy=lambda: policy)
    (result,) = decide_remedies(results_of(SignedFiles(), subject), subject, NoProgress())
    return result


def test_it_says_what_was_compared_with_what(prefix) -> None:
    result = look(SignedFiles, prefix)
    assert result.status == PASS
    assert "compared with the manifest and the wheels" in result.details
    assert "(compared only with the receipt)" in result.details
    assert "this host has no trust policy" in result.details
    assert "compared with the receipt" in look(Integrity, prefix).details


def test_who_may_sign_is_asked_of_the_host(prefix) -> None:
    accepted = judged(prefix, pins([KEY.key]))
    assert (accepted.status, "accepted by this host's policy" in accepted.details) == (PASS, True)
    assert judged(prefix, pins([SoftKey(ED25519).key])).status == FAIL


@pytest.mark.parametrize("in_the_log", [False, True])
def test_what_was_written_anew_together_is_found(world, in_the_log) -> None:
    forge_a_module(world, in_the_log=in_the_log)
    # each of these believes what lies beside what it looks at, and says so
    assert look(Integrity, world.prefix).status == look(Record, world.prefix).status == PASS
    assert look(ReceiptLogged, world.prefix).status == (PASS if in_the_log else FAIL)
    result = look(SignedFiles, world.prefix)
    assert result.status == FAIL
    assert {path.rpartition("/")[2] for path, _kind, _owner in result.evidence["deviations"]} == {
        "demo_base.py",
        "RECORD",
    }


def test_a_module_that_no_wheel_has_is_found_and_its_bytecode(world) -> None:
    forge(world, world.site / "planted.py", b"", in_the_log=True)
    (world.site / "__pycache__" / "planted.cpython-311.pyc").write_bytes(b"x")
    found = look(SignedFiles, world.prefix).evidence["deviations"]
    assert [(path.rpartition("/")[2], kind) for path, kind, _owner in found] == [
        ("planted.cpython-311.pyc", "added"),
        ("planted.py", "added"),
    ]


def test_a_lost_wheel_is_no_pass(world) -> None:
    (entry,) = (one for one in release_of(world.prefix).manifest().of_kind("wheel") if "demo_base" in one.path)
    (world.prefix.store / entry.sha256[:2] / entry.sha256).unlink()
    result = look(SignedFiles, world.prefix)
    assert (result.status, result.evidence) == (ERROR, {"uncompared": ["demo-base"]})
    assert "demo-base (its wheel is not in the store)" in result.details


def test_a_run_file_that_another_installer_wrote_is_one_of_the_manifest(prefix) -> None:
    path = release_of(prefix).run_file
    change(path, path.read_bytes() + b"\n")
    assert look(SignedFiles, prefix).status == PASS
    assert site_of(prefix).is_dir()


def test_the_file_that_names_the_tool_s_command_is_as_either_installer_writes_it(prefix, monkeypatch) -> None:
    path = release_of(prefix).path / launchers.COMMAND_FILE
    change(path, b"ragtrace-offline\r\n")
    assert look(SignedFiles, prefix).status == PASS
    change(path, b"other\n")
    assert look(SignedFiles, prefix).status == FAIL
    path.parent.chmod(0o755)
    path.unlink()
    assert look(SignedFiles, prefix).status == FAIL
    monkeypatch.setattr(launchers, "knows_the_command", lambda _zipapp: False)
    assert look(SignedFiles, prefix).status == PASS


def test_another_link_to_data_is_found(tmp_path) -> None:
    prefix = make_prefix(tmp_path / "other")
    place = release_of(prefix).app / "data"
    place.unlink()
    place.symlink_to("/etc")
    assert look(SignedFiles, prefix).evidence["deviations"] == [["app/data", "altered", "(application)"]]
