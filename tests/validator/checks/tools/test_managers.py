from __future__ import annotations

from pathlib import Path

import pytest

from installer.release import receipt as receipts
from tests.validator.checking import look, release_of
from validator.check import PASS, WARN
from validator.checks.tools import managers as tools_managers
from validator.checks.tools.managers import LOADER, Managers, owned_by_conda


@pytest.fixture(autouse=True)
def no_loader(tmp_path, monkeypatch) -> None:
    for name in LOADER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tools_managers, "PROGRAMS", ("sh",))
    monkeypatch.setattr(tools_managers, "PIP_FILES", ("~/pip.conf",))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_programs_that_do_no_harm_are_named(prefix) -> None:
    result = look(Managers, prefix)
    assert (result.status, result.evidence["programs"]) == (PASS, ["sh"])


def test_settings_of_pip_are_named(prefix, tmp_path, monkeypatch) -> None:
    (tmp_path / "pip.conf").write_text("[install]\ntarget = /opt\n")
    monkeypatch.setenv("PIP_TARGET", "/opt")
    result = look(Managers, prefix)
    assert result.status == PASS
    assert {"PIP_TARGET", str(tmp_path / "pip.conf")} <= {*result.evidence["settings"]}


def test_a_variable_that_changes_what_is_loaded(prefix, monkeypatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/other")
    result = look(Managers, prefix)
    assert (result.status, "LD_LIBRARY_PATH" in result.details) == (WARN, True)


def test_an_interpreter_of_conda(prefix, monkeypatch) -> None:
    base = Path(receipts.read_receipt(release_of(prefix)).interpreter)
    monkeypatch.setattr(tools_managers, "owned_by_conda", lambda path: path == base)
    result = look(Managers, prefix)
    assert (result.status, str(base) in result.details) == (WARN, True)


def test_conda_is_known_by_its_folder(tmp_path) -> None:
    (tmp_path / "env" / "conda-meta").mkdir(parents=True)
    assert owned_by_conda(tmp_path / "env" / "bin" / "python")
    assert not owned_by_conda(tmp_path / "bin" / "python")
