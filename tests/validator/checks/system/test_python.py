from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from installer.install.requirements import PYTHON, Interpreter
from installer.layout import seal
from installer.release import receipt as receipts
from tests.installed import make_prefix
from tests.validator.checking import change, look, release_of, site_of
from validator.check import FAIL, PASS, WARN
from validator.checks.system.python import Python


def fake_python(prefix, answer: str) -> None:
    """Put a program in the interpreter's place that answers as another Python would."""
    path = release_of(prefix).python
    path.unlink()
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)


def test_passes_with_the_interpreter_that_it_was_made_with(prefix) -> None:
    result = look(Python, prefix)
    assert result.status == PASS
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in result.details


def test_before_an_installation_it_is_about_this_interpreter() -> None:
    assert look(Python, None).status == PASS


def test_an_interpreter_that_is_gone_fails(prefix) -> None:
    path = release_of(prefix).python
    path.unlink()
    os.symlink("/nonexistent/python3", path)
    result = look(Python, prefix)
    assert result.status == FAIL
    assert str(path) in result.details


def test_an_interpreter_that_does_not_start_fails(prefix) -> None:
    fake_python(prefix, "echo 'libpython is missing' >&2; exit 127")
    result = look(Python, prefix)
    assert result.status == FAIL
    assert "libpython is missing" in result.details


@pytest.mark.parametrize(
    "answer",
    ['["cpython", [3, 8, 1], false]', '["pypy", [{0}, {1}, 1], false]', '["cpython", [{0}, {1}, 1], true]'],
)
def test_another_python_fails(prefix, answer) -> None:
    fake_python(
        prefix, "echo 'ragtrace-answer {}'".format(answer.replace("{0}", "3").replace("{1}", str(sys.version_info[1])))
    )
    assert look(Python, prefix).status == FAIL


def test_a_patch_release_outside_the_range_fails(prefix) -> None:
    manifest = release_of(prefix).manifest()
    inside = replace(manifest, python_range=(0, 20))
    for patch, fits in ((20, True), (21, False)):
        found = Interpreter("cpython", (*manifest.target.python_tuple, patch), is_free_threaded=False)
        assert PYTHON.judge(inside, found).fits is fits


def test_a_base_interpreter_that_changed_warns(prefix) -> None:
    release = release_of(prefix)
    receipt = receipts.read_receipt(release)
    change(release.receipt_file, replace(receipt, interpreter_sha256="0" * 64).to_bytes())
    seal.mark_complete(release)
    result = look(Python, prefix)
    assert result.status == WARN
    assert receipt.interpreter in result.details
    change(release.receipt_file, replace(receipt, interpreter="/nonexistent/python3").to_bytes())
    seal.mark_complete(release)
    assert "is missing" in look(Python, prefix).details


def test_nothing_of_the_release_runs_while_it_is_asked(tmp_path) -> None:
    prefix = make_prefix(tmp_path)
    mark = tmp_path / "mark"
    (site_of(prefix) / "planted.pth").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n")
    assert look(Python, prefix).status == PASS
    assert not Path(mark).exists()
