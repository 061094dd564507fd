"""Faults of a roll-out: in each, every host ends with the old or the new release whole, and the report says which."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests import waiting
from tests.fleet.control import Control
from tests.hosts import needs

pytestmark = [
    pytest.mark.index,
    pytest.mark.host,
    pytest.mark.skipif(not os.environ.get("RAGTRACE_TEST_FLEET"), reason="run by make fleet"),
]
PREFIX = "/opt/tiny"


@pytest.fixture
def site(control, fleet, releases):
    return Site(control, fleet, releases)


class Site:
    """A fleet with one release after the other."""

    number = 0

    def __init__(self, control, fleet, releases):
        self.control, self.fleet, self.releases = control, fleet, releases

    def variables(self, bundles, **more):
        return {
            "rollout_prefix": PREFIX,
            "rollout_bundles": bundles,
            "rollout_signers": [self.releases.signer],
            "rollout_secrets": {"TINY_API_KEY": "any"},
            **more,
        }

    def next(self, **how):
        """Return the bundles of a release that no host has."""
        Site.number += 1
        return self.releases.release(Site.number, **how)

    def roll_out(self, bundles, **more):
        return self.control.play("rollout", self.variables(bundles, **more))

    def settle(self):
        """Bring all hosts to one good release, if they are not, and return its version."""
        versions = {version(node) for node in self.fleet.nodes.values()}
        if len(versions) == 1 and None not in versions:
            return versions.pop()
        done = self.roll_out(self.next())
        assert done.returncode == 0, done.output[-5000:]
        assert {version(node) for node in self.fleet.nodes.values()} == {f"{Site.number}.0.0"}, done.output[-5000:]
        return f"{Site.number}.0.0"

    def begin(self, bundles, **more):
        """Start a roll-out that is not waited for."""
        argv = self.control.argv("rollout", self.variables(bundles, **more))
        with (self.control.folder / "begun.log").open("wb") as log:
            return subprocess.Popen(
                argv, cwd=self.control.folder, env=self.control.env, stdout=log, stderr=log, start_new_session=True
            )

    def whole(self, played=None):
        """Return the version of each host, whose files match what was signed; the report must say the same."""
        found = {}
        for name, node in self.fleet.nodes.items():
            tool = f"{PREFIX}/bin/ragtrace-offline"
            # what a killed run had begun goes on, or is undone
            node.host.run(tool, "recover", "--yes", "--json", "--wait", "300", timeout=400)
            done = node.host.run(tool, "validate", "--category", "Packages", "--json", "--quiet")
            report = json.loads(done.stdout)
            assert report["overall_status"] in ("EXCELLENT", "GOOD"), report
            found[name] = report["version"]
            if played is not None and name in played.report["hosts"]:
                said = played.report["hosts"][name]["active"]
                assert said is None or said == report["release"], (name, played.output[-5000:])
        return found


def busy(node):
    """Tell whether a change is under way on a host."""
    try:
        return json.loads(node.host.path(f"{PREFIX}/state/journal.json").read_text())["run"] is not None
    except (OSError, ValueError):
        return False


def version(node):
    """Return the version of the active release of a host, or None."""
    try:
        manifest = json.loads(node.host.path(f"{PREFIX}/current/bundle/MANIFEST.json").read_text())
    except OSError:
        return None
    return manifest["product"]["version"]


def active(node):
    return os.readlink(node.host.path(f"{PREFIX}/current"))


def test_a_canary_that_fails_leaves_all_others_alone(site, fleet):
    old = site.settle()
    before = {name: active(node) for name, node in fleet.nodes.items()}
    done = site.roll_out(site.next(faulty=True))
    assert done.returncode == 2
    assert {active(node) == before[name] for name, node in fleet.nodes.items()} == {True}
    assert set(site.whole(done).values()) == {old}
    assert list(done.outcomes.values()) == ["rolled back"] + ["not reached"] * (len(fleet.nodes) - 1)


def test_a_bundle_that_was_altered_at_the_control_node_runs_nowhere(site, fleet, tmp_path):
    old = site.settle()
    folders = []
    for one in site.next():
        copy = tmp_path / Path(one).name
        shutil.copytree(one, copy)
        with (copy / "ragtrace-install.pyz").open("ab") as file:
            file.write(b"\0")
        folders.append(str(copy))
    done = site.roll_out(folders)
    assert done.returncode == 2
    assert "does not match SHA256SUMS" in done.output
    assert set(site.whole().values()) == {old}


def test_a_bundle_that_is_replaced_while_it_is_copied_is_not_installed(site, fleet, tmp_path):
    """The share has another bundle than the one that was verified, under its name."""
    old = site.settle()
    bundles = site.next()
    for node in fleet.nodes.values():
        for one in bundles:
            node.host.put(Path(one), f"/srv/share/{Path(one).name}")
        for archive in node.host.path("/srv/share").glob("*/*.tar.gz"):
            data = bytearray(archive.read_bytes())
            data[200] ^= 1  # of the manifest, which no host has
            archive.write_bytes(bytes(data))
    done = site.roll_out(bundles, rollout_share="/srv/share")
    assert done.returncode == 2
    assert set(site.whole(done).values()) == {old}
    source = site.roll_out(bundles, rollout_url="file:///srv/share", rollout_method="http")
    assert source.returncode == 2
    assert set(site.whole(source).values()) == {old}


def test_a_host_that_is_lost_is_left_for_the_next_run(site, fleet):
    old = site.settle()
    lost = list(fleet.nodes.values())[1]
    lost.lose()
    done = site.roll_out(site.next())
    lost.find()
    assert done.outcomes[lost.name] == "absent", done.output[-5000:]
    versions = site.whole(done)
    assert versions.pop(lost.name) == old
    assert set(versions.values()) == {f"{Site.number}.0.0"}
    again = site.roll_out(site.releases.release(Site.number))
    assert again.returncode == 0, again.output[-5000:]
    assert again.outcomes[lost.name] == "upgraded"
    assert set(site.whole(again).values()) == {f"{Site.number}.0.0"}


def test_a_host_with_a_full_disk_fails_alone(site, fleet):
    old = site.settle()
    full = list(fleet.nodes.values())[-1]
    full.host.mount_tmpfs("/var/lib/ragtrace", size="1m")
    done = site.roll_out(site.next())
    full.host.unmount("/var/lib/ragtrace")
    assert done.outcomes[full.name] == "failed"
    assert "bytes free" in done.report["hosts"][full.name]["why"], done.report["hosts"][full.name]
    versions = site.whole(done)
    assert versions[full.name] == old


def test_a_host_that_dies_in_the_middle_ends_whole(site, fleet):
    old = site.settle()
    dying = next(iter(fleet.nodes.values()))
    process = site.begin(site.next())
    waiting.until(lambda: busy(dying))
    dying.lose()
    dying.host.run("sh", "-c", "kill -9 -1")
    process.wait(300)
    dying.find()
    dying.serve()
    assert site.control.report()["hosts"][dying.name]["outcome"] in ("lost", "failed")
    assert set(site.whole().values()) <= {old, f"{Site.number}.0.0"}
    again = site.roll_out(site.releases.release(Site.number))
    assert again.returncode == 0, again.output[-5000:]
    assert set(site.whole(again).values()) == {f"{Site.number}.0.0"}


def test_a_controller_that_is_killed_goes_on_in_the_next_run(site, fleet):
    old = site.settle()
    second = list(fleet.nodes.values())[1]
    process = site.begin(site.next())
    waiting.until(lambda: busy(second))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert set(site.whole().values()) <= {old, f"{Site.number}.0.0"}
    again = site.roll_out(site.releases.release(Site.number))
    assert again.returncode == 0, again.output[-5000:]
    assert set(site.whole(again).values()) == {f"{Site.number}.0.0"}


def test_two_controllers_at_once_install_once(site, fleet, collections, tmp_path):
    site.settle()
    bundles = site.next()
    process = site.begin(bundles)
    other = Control(fleet, tmp_path / "other", collections)
    done = other.play("rollout", site.variables(bundles))
    assert process.wait(300) == 0
    assert done.returncode == 0, done.output[-5000:]
    assert set(site.whole(done).values()) == {f"{Site.number}.0.0"}
    for node in fleet.nodes.values():
        releases = os.listdir(node.host.path(f"{PREFIX}/releases"))
        assert sum(name.startswith(active(node).split("/")[-1].rpartition("-r")[0]) for name in releases) == 1


def test_a_host_without_a_fitting_bundle_says_which_there_are(site, fleet):
    old = site.settle()
    site.next()
    node = list(fleet.nodes.values())[1]
    only = [str(site.releases.tiny(Site.number, next(iter(fleet.nodes.values())).host.python).folder)]
    done = site.roll_out(only, rollout_waves=["100%"], rollout_max_fail_percentage=100)
    assert "No bundle is for this host" in done.report["hosts"][node.name]["why"]
    assert set(site.whole(done).values()) <= {old, f"{Site.number}.0.0"}


def test_a_delta_is_taken_where_its_base_is(site, fleet):
    site.settle()
    base = Site.number
    bundles = site.next()
    done = site.roll_out([*bundles, *site.releases.delta(Site.number, base)])
    assert done.returncode == 0, done.output[-5000:]
    assert set(site.whole(done).values()) == {f"{Site.number}.0.0"}
    assert max(one["bytes"] for one in done.report["hosts"].values()) < 50_000


@pytest.mark.parametrize("method", ["http", "rsync", "sftp"])
def test_each_way_of_transfer_ends_with_the_same_bundle(site, fleet, method):
    """nginx on the control node; rsync where the host has it."""
    bundles = site.next()
    with needs.or_skip():
        needs.program("rsync", package="rsync")
    folder = Path(bundles[0]).parent
    server = ["python3", "-m", "http.server", "--directory", str(folder), "8080"]
    with subprocess.Popen([*fleet.inside, *server], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as http:
        try:
            url = "http://10.99.77.1:8080" if method == "http" else ""
            done = site.roll_out(bundles, rollout_method="auto" if method == "rsync" else method, rollout_url=url)
        finally:
            http.kill()
    assert done.returncode == 0, done.output[-5000:]
    assert set(site.whole(done).values()) == {f"{Site.number}.0.0"}
