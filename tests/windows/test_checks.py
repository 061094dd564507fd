"""What validate looks at on a Windows host alone, and a check of the application's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
MACHINE, USER = "HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"
DEFENDER = "SOFTWARE\\Microsoft\\Windows Defender"
SET = """\
import json, sys, winreg
for hive, key, name, value in json.loads(sys.argv[1]):
    with winreg.CreateKey(getattr(winreg, hive), key) as opened:
        if value is None:
            winreg.DeleteValue(opened, name)
        elif name:
            winreg.SetValueEx(opened, name, 0, winreg.REG_DWORD if isinstance(value, int) else winreg.REG_SZ, value)
"""


@pytest.fixture
def registry(windows):
    """Give what sets values of the host's registry, each as (hive, key, name, value); they go afterwards."""
    changed: list[Any] = []

    def change(*values):
        succeeded(windows.python("3.11", "-c", SET, json.dumps(values)))
        changed.extend(values)

    yield change
    change(*((hive, key, name, None) for hive, key, name in {value[:3] for value in changed if value[2]}))


def only(operator, code, check):
    (result,) = operator.validate(code, "--check", check)["validation_results"]
    return result


def test_the_runtime_that_packages_with_native_code_ask_for(example):
    result = only(example, 0, "system.msvc")
    assert (result["status"], "msvcp140.dll" in result["details"]) == ("PASS", True)


def test_a_policy_that_lets_no_script_run(jotter, registry):
    registry(
        (MACHINE, "SOFTWARE\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell", "ExecutionPolicy", "AllSigned")
    )
    result = only(jotter, 0, "system.scripts")
    assert (result["status"], "AllSigned" in result["details"]) == ("PASS", True)
    registry((USER, "Software\\Policies\\Microsoft\\Windows\\System", "DisableCMD", 1))
    assert only(jotter, 0, "system.scripts")["status"] == "FAIL"


def test_folders_that_defender_leaves_out(jotter, registry):
    assert only(jotter, 1, "performance.defender")["status"] == "SKIP"  # to have looked at nothing is no success
    registry((MACHINE, DEFENDER, "ProductStatus", 0))
    assert only(jotter, 0, "performance.defender")["status"] == "WARN"
    registry((MACHINE, f"{DEFENDER}\\Exclusions\\Paths", jotter.prefix, 0))
    assert only(jotter, 0, "performance.defender")["status"] == "PASS"


def test_long_paths_where_windows_was_set_to_open_them(jotter, registry):
    assert "the limit is 259" in only(jotter, 0, "system.paths")["details"]
    registry((MACHINE, "SYSTEM\\CurrentControlSet\\Control\\FileSystem", "LongPathsEnabled", 1))
    assert "the limit is 32767" in only(jotter, 0, "system.paths")["details"]


def test_a_check_that_came_with_the_application(operator):
    operator.path("data\\notes.txt").unlink(missing_ok=True)
    assert only(operator, 0, "plugin.noted")["details"] == "jotter: 0 notes"
    operator.note("one")
    result = only(operator, 0, "plugin.noted")
    assert (result["status"], result["details"]) == ("PASS", "jotter: 1 notes")
