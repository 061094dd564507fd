"""What of a repaired release is tried: that it starts, and what was made anew; nothing a second time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from installer.release import acceptance
from installer.trust.available import Available
from recovery.inspection.finding import Finding
from recovery.inspection.inspection import inspect
from recovery.recover import recover
from recovery.repair.health import owners_of, to_try
from recovery.repair.remaining import remaining_damage
from recovery.request import RecoverRequest
from shared.terminal.progress import NoProgress
from tests.recovery.damaging import delete, flip, spoil
from validator.finding_kinds import INTERPRETER


class Steps(NoProgress):
    """Keeps what was said."""

    def __init__(self):
        self.said = []

    def step(self, text):
        self.said.append(text)


def tried(host):
    """The trials of a recovery, after the new release became the active one."""
    steps = Steps()
    assert recover(host.prefix, lambda plan: True, steps).applied
    start = next(number for number, text in enumerate(steps.said) if text.startswith("Activating"))
    return [text for text in steps.said[start + 1 :] if text.split()[0] in ("Importing", "Testing", "Querying")]


def test_a_core_module_that_was_installed_again_is_imported_and_the_application_started_once(host):
    delete(host.site / "tiny_lib" / "more.py")
    assert tried(host) == ["Importing the core modules", "Testing the application: tiny --help"]


def test_of_a_package_that_is_no_core_module_only_the_start_is_tried(host):
    flip(next(host.site.glob("tiny_unused*.py")))
    assert tried(host) == ["Testing the application: tiny --help"]


def test_a_model_whose_file_was_replaced_is_asked(host):
    delete(host.release.models / "tiny" / "weights.json")
    assert tried(host) == ["Testing the application: tiny --help", "Querying the model tiny"]


def test_what_is_built_as_a_whole_is_tried_as_an_installation_is(host, tiny):
    delete(host.release.receipt_file)
    steps = Steps()
    recover(host.prefix, lambda plan: True, steps, RecoverRequest(available=Available(policy=tiny.policy)))
    trials = [text for text in steps.said if text.split()[0] in ("Importing", "Testing", "Querying")]
    once = ["Importing the core modules", "Testing the application: tiny --help"]
    assert trials == [*once, *once, "Querying the model tiny"]


def test_with_another_python_everything_is_tried(host):
    delete(host.site / "tiny_lib" / "more.py")
    found = inspect(host.prefix)
    other = replace(found, findings=(*found.findings, Finding(INTERPRETER, "python", "another Python")))
    manifest = host.tiny.manifest
    assert to_try(other, frozenset(), None) == manifest
    assert to_try(found, frozenset({"tiny-lib"}), None).application.core_imports == ("tiny_lib",)


def test_of_several_commands_of_one_launcher_the_first_is_run(host):
    found = inspect(host.prefix)
    commands = (("tiny", "--help"), ("tiny", "embed", "x"), ("tiny-version",))
    application = replace(host.tiny.manifest.application, smoke=commands)
    proof = replace(found.proof, manifest=replace(host.tiny.manifest, application=application))
    chosen = to_try(replace(found, proof=proof), frozenset(), None).application
    assert chosen.smoke == (("tiny", "--help"), ("tiny-version",))
    assert chosen.core_imports == ()


def test_without_a_command_all_core_modules_are_imported(host):
    found = inspect(host.prefix)
    application = replace(host.tiny.manifest.application, smoke=())
    proof = replace(found.proof, manifest=replace(host.tiny.manifest, application=application))
    chosen = to_try(replace(found, proof=proof), frozenset(), None).application
    assert chosen.core_imports == host.tiny.manifest.application.core_imports


def test_a_model_that_stays_damaged_is_left_out_even_where_all_is_tried(host):
    spoil(host, "07_Models/tiny/weights.json")
    found = inspect(host.prefix)
    parts = remaining_damage(found)
    other = replace(found, findings=(*found.findings, Finding(INTERPRETER, "python", "another Python")))
    assert to_try(other, frozenset(), parts).models == ()
    assert to_try(found, frozenset(), parts).models == ()


@pytest.mark.parametrize(
    ("module", "owner"), [("tiny_lib", "tiny-lib"), ("tiny_lib.more", "tiny-lib"), ("tiny", None), ("nothing", None)]
)
def test_the_package_of_a_module(host, module, owner):
    assert owners_of(inspect(host.prefix), module) == ({owner} if owner else set())


def test_a_repair_whose_application_does_not_start_leaves_the_damaged_release(host, monkeypatch):
    from shared.errors import InstallError

    def fail(*_arguments):
        raise InstallError("tiny does not work.")

    delete(host.site / "tiny_lib" / "more.py")
    before = host.release
    monkeypatch.setattr(acceptance, "check_health", fail)
    with pytest.raises(InstallError):
        host.recover()
    assert host.release == before
