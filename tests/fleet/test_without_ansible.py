"""The script for pssh: silent installation, exit codes, the receipt of each host, and the way back."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from shared.processes import process
from tests.fleet.control import EXAMPLE
from tests.hosts import needs

pytestmark = [pytest.mark.index, pytest.mark.host]
PREFIX = "/opt/tiny"
SCRIPT = EXAMPLE / "pssh" / "on-host.sh"


class Administrator:
    """Somebody with pssh, who has copied the bundle of each host to it."""

    def __init__(self, fleet, folder):
        self.fleet, self.folder = fleet, folder
        with needs.or_skip():
            self.pssh = needs.program("parallel-ssh", package="pssh")

    def roll_out(self, bundle_of):
        """Run the script on all hosts; return the exit code of pssh and the receipt of each host."""
        hosts = self.folder / "hosts"
        options = f"-i {self.fleet.key} -o UserKnownHostsFile={self.fleet.known} -o IdentitiesOnly=yes -o User=root"
        receipts = {}
        codes = {}
        for name, node in self.fleet.nodes.items():
            bundle = Path(bundle_of(node))
            target = f"/srv/{bundle.parent.name}/{bundle.name}"
            if not node.host.path(target).exists():
                node.host.put(bundle, target)
            sums = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
            hosts.write_text(f"{node.address}\n")
            words = f"sh -s -- {target} {PREFIX} {sums}"
            argv = [
                self.pssh,
                "-h",
                str(hosts),
                "-t",
                "0",
                "-o",
                str(self.folder / "receipts"),
                "-x",
                options,
                "-I",
                words,
            ]
            argv[1:1] = ["-e", str(self.folder / "errors")]
            done = process.run([*self.fleet.inside, *argv], stdin=SCRIPT.read_bytes(), timeout=300)
            errors = self.folder / "errors" / node.address
            codes[name] = done.returncode, done.stdout + (errors.read_text() if errors.exists() else "")
            receipt = self.folder / "receipts" / node.address  # which pssh makes for a host that prints something
            receipts[name] = json.loads(receipt.read_text()) if receipt.exists() else {}
            receipt.unlink(missing_ok=True)
        return codes, receipts


@pytest.mark.skipif(not os.environ.get("RAGTRACE_TEST_FLEET"), reason="run by make fleet")
def test_a_fleet_is_installed_and_rolled_back_by_pssh(fleet, releases, tmp_path):
    administrator = Administrator(fleet, tmp_path)
    first = {name: releases.tiny(1, node.host.python) for name, node in fleet.nodes.items()}
    for _run in ("the first", "again"):
        codes, receipts = administrator.roll_out(lambda node: first[node.name].folder)
        for name in fleet.nodes:
            assert codes[name][0] == 0, codes[name]
            assert receipts[name]["active"].startswith(f"{first[name].manifest.product.counter}-"), receipts[name]
    before = {name: receipt["active"] for name, receipt in receipts.items()}

    codes, receipts = administrator.roll_out(lambda node: releases.tiny(2, node.host.python, faulty=True).folder)
    for name in fleet.nodes:
        assert codes[name][0] != 0
        assert "failed its checks" in codes[name][1]
        assert receipts[name]["active"] == before[name]


def test_a_bundle_that_was_not_verified_runs_nothing(fleet, releases):
    node = next(iter(fleet.nodes.values()))
    bundle = releases.tiny(1, node.host.python).folder
    node.host.put(bundle, "/srv/other")
    done = node.host.run("sh", "-s", "--", "/srv/other", "/opt/other", "0" * 64, stdin=SCRIPT.read_bytes())
    assert done.returncode == 3
    with node.host.path("/srv/other/ragtrace-install.pyz").open("ab") as file:
        file.write(b"\0")
    sums = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
    done = node.host.run("sh", "-s", "--", "/srv/other", "/opt/other", sums, stdin=SCRIPT.read_bytes())
    assert (done.returncode, "does not match" in done.stderr) == (3, True)
    assert not node.host.path("/opt/other").exists()
