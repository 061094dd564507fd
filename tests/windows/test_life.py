"""The way of an installation through its life on a Windows host."""

from __future__ import annotations

import json
import stat

import pytest

from tests.stories.workshop import succeeded
from tests.windows.operator import Operator

pytestmark = [pytest.mark.index, pytest.mark.host]


@pytest.mark.parametrize(
    "arguments",
    [("plain", "two words"), ("질문", "답"), ("100%", "!x!"), ("tail\\", ""), ("two^ carets^", "a=b;c,d")],
)
def test_arguments_arrive_as_they_were_typed(jotter, arguments):
    assert jotter.note(*arguments)["arguments"] == list(arguments)


def test_exit_codes_are_passed_on(jotter):
    assert jotter.command("note", "exit", "7").returncode == 7
    assert jotter.tool("nonsense").returncode == 2


def test_a_command_starts_in_the_folder_that_its_profile_names(jotter):
    jotter.host.path("C:\\elsewhere").mkdir(exist_ok=True)
    assert jotter.note("x", cwd="C:\\elsewhere")["folder"] == "C:\\elsewhere"
    assert jotter.note("x", cwd="C:\\elsewhere", name="note-there")["folder"].endswith("\\app")


def test_settings_are_their_users_alone(operator):
    # wine keeps access lists as modes, and takes administrators for the group
    assert stat.S_IMODE(operator.path(".env").stat().st_mode) & 0o007 == 0
    checked = operator.validate(0, "--check", "security.permissions")
    assert [result["status"] for result in checked["validation_results"]] == ["PASS"]
    operator.path(".env").chmod(0o644)
    found = operator.validate(1, "--check", "security.permissions")["validation_results"]
    assert [result["status"] for result in found] == ["FAIL"]
    assert "icacls" in json.dumps(found)


@pytest.mark.parametrize("python", ["3.13", "bare"])
def test_other_pythons(windows, small, python):
    operator = Operator(windows, f"C:\\other\\{python}", python=python)
    done = operator.installer(operator.copy_in(small("0.1.0", "3.13")), "install")
    succeeded(done)
    assert operator.note("x")["notes"] == ["x"]


def test_an_unpacked_bundle_is_installed_by_its_script(windows, small):
    operator = Operator(windows, "C:\\by script\\jotter")
    folder = "C:\\unpacked (1)"
    windows.put(small(), folder)
    (archive,) = windows.path(folder).glob("*.tar.gz")
    windows.host.run("tar", "-xf", archive.name, cwd=windows.unix(folder))
    archive.unlink()
    (root,) = (path for path in windows.path(folder).iterdir() if path.is_dir())
    start = f"{folder}\\{root.name}\\04_Scripts\\install.bat"
    digest = windows.host.run("sha256sum", f"{windows.unix(folder)}/ragtrace-install.pyz").stdout[:16]
    environment = {"WINEPATH": "C:\\python\\3.11"}
    asked = operator.program(start, env=environment)
    assert asked.returncode == 3
    assert "certutil" in asked.stderr
    row = " ".join(digest[index : index + 4] for index in range(0, 16, 4))
    done = operator.program(start, "--digest", row, "--prefix", operator.prefix, "--quiet", env=environment)
    succeeded(done)
    assert operator.note("x")["notes"] == ["x"]
    # who has vouched for it is not asked again, whichever script it is
    verification = f"{folder}\\{root.name}\\06_Verification"
    report = f"{verification}\\diagnosis.json"
    for script, *options in (
        ("enterprise-validator.py", "--output", report),
        ("recovery-assistant.py", "--diagnosis", report, "--yes"),
    ):
        command = [f"{verification}\\{script}", *options, "--quiet", "--prefix", operator.prefix]
        succeeded(windows.python("3.11", *command))
    assert windows.path(report).is_file()


def test_a_code_page_that_lacks_the_letters_of_its_own_folder_stops_nothing(jotter):
    western = Operator(jotter.host, jotter.prefix, code_page="cp1252")
    for command in (("status",), ("history",), ("validate", "--quick"), ("backup", "list"), ("recover", "--dry-run")):
        said = succeeded(western.tool(*command))
        assert said.stdout, command
        assert not any("가" <= letter <= "힣" for letter in said.stdout + said.stderr)
    assert "C:\\jotter (\\ud558\\ub098) & \\ub458!" in succeeded(western.tool("status")).stdout
