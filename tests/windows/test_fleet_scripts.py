"""The scripts for GPO start-up, SCCM and Intune: silent installation, exit codes, the receipt, and detection."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from tests.hosts.needs import CHECKOUT
from tests.windows.operator import Operator

pytestmark = [pytest.mark.index, pytest.mark.host]
SCRIPTS = CHECKOUT / "examples" / "fleet" / "windows"
PREFIX = "C:\\managed app"


@pytest.fixture(scope="module")
def managed(windows):
    """Give a host whose administrator has distributed the scripts."""
    operator = Operator(windows, PREFIX)
    for name in ("startup.cmd", "detect.cmd"):
        windows.path("C:\\scripts").mkdir(exist_ok=True)
        shutil.copy(SCRIPTS / name, windows.path(f"C:\\scripts\\{name}"))
    windows.path("C:\\receipts").mkdir(exist_ok=True)
    return operator


def startup(operator, bundle, sums):
    env = {"PYTHON": "C:\\python\\3.11\\python.exe", "COMPUTERNAME": "host"}
    return operator.program("C:\\scripts\\startup.cmd", bundle, PREFIX, sums, "C:\\receipts", env=env)


def test_a_host_installs_at_its_start_and_is_detected(managed, small):
    folder = small()
    bundle = managed.copy_in(folder)
    sums = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    manifest = (folder / "MANIFEST.json").read_bytes()
    counter = json.loads(manifest)["product"]["counter"]
    start = f"{counter}-{hashlib.sha256(manifest).hexdigest()[:12]}"

    altered = startup(managed, bundle, "0" * 64)
    assert altered.returncode == 3, altered
    assert not managed.path("").exists()
    assert managed.program("C:\\scripts\\detect.cmd", PREFIX, start).returncode == 1

    for _run in ("the first", "again"):
        done = startup(managed, bundle, sums)
        assert done.returncode == 0, done.stdout + done.stderr
    (receipt,) = managed.host.path("C:\\receipts").glob("*.json")
    assert json.loads(receipt.read_text())["active"].startswith(f"{start}-r")

    detected = managed.program("C:\\scripts\\detect.cmd", PREFIX, start)
    assert (detected.returncode, detected.stdout.strip()) == (0, f"detected {start}"), detected
    assert managed.program("C:\\scripts\\detect.cmd", PREFIX, f"{counter + 1}-000000000000").returncode == 1
