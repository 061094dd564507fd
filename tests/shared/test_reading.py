"""Every file of an installation is opened by one helper, which neither waits nor reads without end."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from shared import reading, troubles

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of POSIX")
ROOT = Path(__file__).parents[2]
# what opens files otherwise, and why it may
ELSEWHERE = {
    "shared/reading.py": "the helper",
    "shared/programs/app_launcher.py": "stands alone in every release, with nothing of ours to import",
    "shared/files/files.py": "writes our own, and opens folders",
    "installer/layout/in_use.py": "locks a release that is used, without reading it",
    "shared/files/process_lock.py": "opens folders",
    "shared/files/outputs.py": "writes where the user says",
    "shared/files/output_place.py": "opens folders on the way there",
    "shared/files/trees.py": "walks by descriptors",
    "installer/userdata/copies.py": "copies the user's data, by descriptors of shared.files.trees",
    "installer/userdata/backup_files.py": "the same",
    "installer/layout/store.py": "writes a new file",
    "installer/userdata/persist.py": "writes a new file",
    "installer/install/upgrade.py": "writes a new file",
    "installer/wheel_index/write.py": "writes a new file",
    "shared/files/aside.py": "writes a new file",
    "shared/files/owners.py": "reads /proc",
    "shared/programs/embedded.py": "reads the zipapp's own cache, checked by its launcher",
    "installer/release/signed.py": "reads the tool's own source",
    "installer/release/launchers.py": "reads the tool's own source",
    "bundle/reading/medium.py": "opens without waiting, for bundles",
    "bundle/advisories/snapshot.py": "opens members of an archive in memory",
    "bundle/wheels/structure.py": "opens members of an opened archive",
    "installer/logs/usage.py": "reads /proc",
    "installer/userdata/userdata.py": "reads /proc",
    "installer/hardware/accelerator.py": "reads /proc",
    "installer/hardware/processor.py": "reads /proc",
    "shared/processes/scripts.py": "reads the tool's own source",
    "shared/processes/supervised.py": "reads a pipe of ours",
    "shared/terminal/console.py": "opens the null device",
    "installer/install/probes.py": "writes a file to try the folder",
    "shared/troubles.py": "asks for a file's attributes without waiting",
    "shared/programs/scripts/without_network.py": "writes to /proc",
    "shared/programs/scanners/run_picklescan.py": "runs in a process with a time limit, on models of the bundle",
    "shared/programs/lazy/compiling.py": "runs in a process with a time limit, in a release that was just made",
    "installer/logs/host.py": "reads /etc/machine-id",
    "validator/checks/performance/disk.py": "measures with a file of its own",
    "shared/processes/cgroups.py": "reads /proc and /sys",
    "validator/checks/system/limits.py": "reads /proc and /sys",
}
OPENING = {"open", "read_bytes", "read_text", "fdopen"}


def openers(path: Path) -> set[str]:
    """Return the calls of a module by which files are opened for reading."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in OPENING - {"fdopen"}:
                found.add(name)
    return found


def test_nothing_goes_around_the_helper() -> None:
    modules = [
        path
        for package in ("bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared")
        for path in (ROOT / package).rglob("*.py")
    ]
    others = {path.relative_to(ROOT).as_posix() for path in modules if openers(path) and "launch" not in path.parts}
    assert others == set(ELSEWHERE), others ^ set(ELSEWHERE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_a_regular_file_is_read_to_its_bound(place: Path) -> None:
    place.write_bytes(b"12345")
    assert reading.read(place, 5) == b"12345"
    with pytest.raises(reading.UnfitError, match="larger than 4 bytes"):
        reading.read(place, 4)


def test_a_file_of_any_length_is_not_read(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(20 << 30)
    with pytest.raises(reading.UnfitError, match="larger"):
        reading.open_regular(place, limit=1 << 20)


@pytest.mark.parametrize("follow", [False, True])
def test_nobody_is_waited_for(place: Path, follow: bool) -> None:
    os.mkfifo(place)
    with pytest.raises(reading.UnfitError, match="not a regular file") as caught:
        reading.read(place, 1, follow=follow)
    reported = troubles.words(caught.value, troubles.READING)
    assert str(place) in reported.what
    assert "recover" in reported.advice


def test_a_device_is_no_file(place: Path) -> None:
    place.symlink_to("/dev/zero")
    with pytest.raises(reading.UnfitError, match="a link"):
        reading.read(place, 1)
    with pytest.raises(reading.UnfitError, match="not a regular file"):
        reading.read(place, 1, follow=True)


def test_a_folder_says_so(place: Path) -> None:
    place.mkdir()
    with pytest.raises(IsADirectoryError):
        reading.read(place, 1)
