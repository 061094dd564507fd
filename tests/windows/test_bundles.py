"""A bundle on a Windows host before it is installed: looked at, planned, unpacked, altered."""

from __future__ import annotations

import json

import pytest

from tests.stories.operator import refused
from tests.stories.workshop import succeeded
from tests.windows.operator import Operator

PYTHON = "C:\\python\\3.11\\python.exe"
pytestmark = [pytest.mark.index, pytest.mark.host]


@pytest.fixture(scope="module")
def bundle(windows, small):
    """Bring the small project; return its folder."""
    return Operator(windows, "C:\\nowhere").copy_in(small(), "C:\\looked at")


def test_it_is_verified_and_planned_and_nothing_is_written(windows, bundle):
    operator = Operator(windows, "C:\\planned")
    verified = succeeded(operator.program(PYTHON, "ragtrace-install.pyz", "verify", cwd=bundle))
    assert "files match their signed digests" in verified.stdout
    planned = succeeded(operator.installer(bundle, "install", "--dry-run"))
    assert "Jotter 0.1.0, 1 package," in planned.stdout
    assert not operator.path("").exists()


def test_validated_before_it_is_installed(windows, bundle):
    done = Operator(windows, "").program(PYTHON, f"{bundle}\\ragtrace-install.pyz", "validate", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    found = {result["id"]: result["status"] for result in report["validation_results"]}
    assert (found["system.msvc"], found["system.glibc"]) == ("PASS", "SKIP")
    assert not windows.path("C:\\users\\root\\AppData\\Local\\ragtrace\\jotter").exists()


def test_a_file_of_an_unpacked_bundle_that_is_not_as_signed(windows, small):
    operator = Operator(windows, "C:\\refused\\unpacked")
    folder = operator.copy_in(small(), "C:\\unpacked to alter")
    (archive,) = windows.path(folder).glob("*.tar.gz")
    succeeded(windows.host.run("tar", "-xf", archive.name, cwd=windows.unix(folder)))
    archive.unlink()
    (root,) = (path for path in windows.path(folder).iterdir() if path.is_dir())
    entries = json.loads((root / "MANIFEST.json").read_bytes())["files"]
    one_of_each = {entry["kind"]: entry["path"] for entry in entries}
    for kind in ("wheel", "source", "plugin"):
        file = root / one_of_each[kind]
        signed = file.read_bytes()
        file.write_bytes(signed[:-1])
        refused(operator.installer(folder, "install"), 3, one_of_each[kind])
        file.write_bytes(signed)
    assert not operator.path("releases").exists() or not list(operator.path("releases").iterdir())
    operator.install(folder)
    assert operator.note("as signed")["notes"] == ["as signed"]


def test_half_an_archive(windows, small):
    operator = Operator(windows, "C:\\refused\\half")
    folder = operator.copy_in(small(), "C:\\half")
    (archive,) = windows.path(folder).glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    refused(operator.installer(folder, "install"), 3, archive.name, "is truncated")
