from __future__ import annotations

from dataclasses import replace

import pytest

from builder import cli
from builder.commands import targets as command
from builder.lock.installer_wheels import read_installer_lock
from builder.lock.targets import require_whole, survey, why_no_installer
from builder.zipapp import pack
from bundle.target import parse_target
from shared.errors import BuildError
from tests.builder.lock.test_lock import EXAMPLE, NATIVE, SDIST, lock, package
from tests.schemas import validated

LINUX, WINDOWS, MUSL = (parse_target(name, "3.11") for name in ("linux-x86_64", "windows-amd64", "musllinux-x86_64"))
BAR = package("bar", "bar-1.0-cp311-cp311-win_amd64.whl")


def test_every_target_has_its_own_standing():
    linux, windows, musl = survey(lock(package("foo", *NATIVE), BAR), [LINUX, WINDOWS, MUSL])
    assert [gap.name for gap in linux.gaps] == ["bar"]
    assert linux.selection is None
    assert (windows.gaps, windows.wheel_bytes, len(windows.required.wheels)) == ((), 20, 2)
    assert [gap.name for gap in musl.gaps] == ["bar"]  # foo has a musllinux wheel
    with pytest.raises(BuildError, match=r"bar 1\.0"):
        _ = linux.required


def test_what_all_targets_lack_is_told_at_once():
    standings = survey(lock(BAR), [LINUX, WINDOWS, MUSL])
    with pytest.raises(BuildError) as caught:
        require_whole(standings)
    assert [line.split(":")[0] for line in caught.value.what.splitlines()] == [
        "No wheel for linux-x86_64 with Python 3.11",
        "No wheel for musllinux-x86_64 with Python 3.11",
    ]
    require_whole(standings[1:2])


def test_what_is_built_from_source_is_told():
    (linux,) = survey(lock({"name": "foo", "version": "1.0", "sdist": SDIST}), [LINUX])
    assert linux.to_json()["from_source"] == ["foo"]
    (refused,) = survey(lock({"name": "foo", "version": "1.0", "sdist": SDIST}), [LINUX], build=False)
    assert [gap.reason for gap in refused.gaps] == ["a source distribution only; --no-build forbids building it"]
    assert command.cell(linux) == "ok+1"
    assert command.cell(refused) == "-1"


def test_the_list_names_each_package_once_with_its_targets():
    pythons = ["3.11", "3.12"]
    targets = [replace(target, python=python) for target in (LINUX, WINDOWS) for python in pythons]
    standings = survey(lock(package("foo", *NATIVE), BAR), targets)
    assert list(command.missing(standings, pythons))[2:] == [
        "  bar 1.0: linux-x86_64, windows-amd64 (3.12)",
        "  foo 1.0: linux-x86_64 (3.12), windows-amd64 (3.12)",
    ]
    rows = list(command.table(standings, pythons))
    assert [row.split() for row in rows[1:]] == [["linux-x86_64", "-1", "-2"], ["windows-amd64", "ok", "-2"]]


def test_a_platform_without_an_installer_is_told():
    installer = read_installer_lock(pack.ROOT)
    assert why_no_installer(installer, LINUX) == ""
    assert why_no_installer(installer, MUSL) == ""
    assert why_no_installer(installer, parse_target("macos-x86_64", "3.11")) == ""
    assert "cffi" in why_no_installer(installer, parse_target("windows-arm64", "3.11"))
    assert "free-threaded" in why_no_installer(installer, replace(LINUX, python="3.14t"))


def test_the_command_shows_the_example(capsys):
    assert cli.main(["targets", "--project-root", str(EXAMPLE), "--target", "linux-x86_64", "--python", "3.12"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["linux-x86_64", "ok"]
    argv = ["targets", "--project-root", str(EXAMPLE), "--target", "windows-arm64", "--python", "3.11", "--json"]
    assert cli.main(argv) == 0
    (reported,) = validated("builder-targets", capsys.readouterr().out)["targets"]
    assert (reported["complete"], [gap["name"] for gap in reported["missing"]]) == (False, ["pyyaml"])
    assert "cffi" in reported["no_installer"]
    with pytest.raises(SystemExit):
        cli.main(["targets", "--python", "2.7"])
