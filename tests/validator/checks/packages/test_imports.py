from __future__ import annotations

from dataclasses import replace

import pytest

from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, look_all, release_of, site_of, snapshot
from validator.check import ERROR, FAIL, PASS, SKIP
from validator.checks.packages.imports import Imports


def test_each_core_module_has_its_result_and_no_byte_changes(prefix) -> None:
    change(site_of(prefix) / "demo_base.py", b"NAME = 'newer'\n")  # its bytecode is stale now
    before = snapshot(prefix.root)
    results = look_all(Imports, prefix)
    assert [(result.status, result.evidence["module"]) for result in results] == [
        (PASS, "demo_lib"),
        (PASS, "demo_base"),
    ]
    assert snapshot(prefix.root) == before


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV"),
        (b"import os\nos._exit(0)\n", "exited with code 0"),
        (b"import sys\nsys.exit('no licence')\n", "SystemExit: no licence"),
        (b"import no_such_module\n", "No module named 'no_such_module'"),
        (b"import time\nprint('still here', flush=True)\ntime.sleep(60)\n", "timed out after"),
    ],
)
def test_a_module_that_breaks_fails_alone(prefix, source, reason) -> None:
    change(site_of(prefix) / "demo_base.py", source)
    change(site_of(prefix) / "demo_lib" / "__init__.py", b"print('loud')\n")
    library, base = look_all(Imports, prefix, limit=2.0)
    assert library.status == PASS
    assert base.status == FAIL
    assert reason in base.details


def test_a_profile_without_core_imports_is_skipped(tmp_path) -> None:
    prefix = make_prefix(tmp_path, application=replace(APPLICATION, core_imports=()))
    assert look(Imports, prefix).status == SKIP


def test_an_interpreter_that_is_gone_fails_for_each_module(prefix) -> None:
    release_of(prefix).python.unlink()
    results = look_all(Imports, prefix)
    assert [result.status for result in results] == [FAIL, FAIL]
    assert all("cannot be started" in result.details and result.command for result in results)


def test_modules_after_one_that_hangs_were_not_tried(prefix) -> None:
    change(site_of(prefix) / "demo_base.py", b"import time\ntime.sleep(60)\n")
    first, second = look_all(Imports, prefix, limit=0.5)
    assert (first.status, second.status) == (FAIL, ERROR)
    assert "no time was left" in second.details
