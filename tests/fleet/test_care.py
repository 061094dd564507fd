"""What an administrator does after the roll-out, on one host: status, trust, advisories, repair, and the way back."""

from __future__ import annotations

import os

import pytest

from bundle.signing.policy import Policy, Role, Signer
from bundle.signing.signature import ED25519, parse_public_key
from tests.advisories import RECORDS, aged_snapshot, sign_beside
from tests.fleet.network import Fleet
from tests.hosts import needs
from tests.keys import SoftKey
from tests.policies import lay

pytestmark = [
    pytest.mark.index,
    pytest.mark.host,
    pytest.mark.skipif(not os.environ.get("RAGTRACE_TEST_FLEET"), reason="run by make fleet"),
]
PREFIX = "/opt/tiny"
OWNER, WATCH = SoftKey(ED25519), SoftKey(ED25519)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Start one host."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    try:
        with needs.or_skip():
            fleet.start(1)
        yield fleet
    finally:
        fleet.close()


@pytest.fixture(scope="module")
def variables(control, releases):
    """Roll out one release, and a second one."""
    variables = {"rollout_prefix": PREFIX, "rollout_signers": [releases.signer]}
    for number in (1, 2):
        more = {"rollout_bundles": releases.release(number), "rollout_secrets": {"TINY_API_KEY": "any"}}
        done = control.play("rollout", {**variables, **more})
        assert done.returncode == 0, done.output[-5000:]
    return variables


@pytest.fixture
def node(fleet, variables):
    return next(iter(fleet.nodes.values()))


def active(node):
    return os.path.basename(os.readlink(node.host.path(f"{PREFIX}/current")))


def test_what_is_damaged_is_repaired_once(control, node):
    assert not control.module(node.name, "recover", {"prefix": PREFIX})["changed"]
    (app,) = node.host.path(f"{PREFIX}/releases/{active(node)}").rglob("tiny_unused.py")
    signed = app.read_bytes()
    app.unlink()
    foreseen = control.module(node.name, "recover", {"prefix": PREFIX}, "--check", "--diff")
    assert foreseen["changed"], foreseen
    assert "+++ after" in foreseen["printed"], foreseen
    assert not app.exists()
    repaired = control.module(node.name, "recover", {"prefix": PREFIX})
    assert (repaired["changed"], repaired["unmet"]) == (True, ""), repaired
    (app,) = node.host.path(f"{PREFIX}/releases/{active(node)}").rglob("tiny_unused.py")
    assert app.read_bytes() == signed
    assert not control.module(node.name, "recover", {"prefix": PREFIX})["changed"]


def test_a_policy_is_applied_once_and_then_advisories_under_it(control, node, releases, variables, tmp_path):
    lay(tmp_path / "policies", policy(releases), OWNER)
    node.host.put(tmp_path / "policies", "/srv/policies")
    node.host.path("/srv/owner.pub").write_text(OWNER.key.line() + "\n")
    options = {"prefix": PREFIX, "policies": ["/srv/policies"], "trust_keys": ["/srv/owner.pub"]}
    foreseen = control.module(node.name, "trust", options, "--check")
    assert (foreseen["changed"], foreseen["taken"]) == (True, [1]), foreseen
    applied = control.module(node.name, "trust", options)
    assert (applied["changed"], applied["taken"], applied["untrusted"]) == (True, [1], None), applied
    assert not control.module(node.name, "trust", options)["changed"]

    snapshot = sign_beside(tmp_path / "a.zip", aged_snapshot(tmp_path, 1, RECORDS), "ragtrace-advisories@v1", WATCH)
    given = {**variables, "rollout_advisories": str(snapshot)}
    first, second = control.play("advisories", given), control.play("advisories", given)
    assert first.returncode == 0, first.output
    assert "changed: [node01]" in first.output.partition("Apply it and scan")[2], first.output
    assert (second.returncode, second.changed) == (0, 0), second.output
    stranger = sign_beside(tmp_path / "b.zip", aged_snapshot(tmp_path, 0, RECORDS), "ragtrace-advisories@v1", OWNER)
    refused = control.play("advisories", {**variables, "rollout_advisories": str(stranger)})
    assert refused.returncode == 2, refused.output


def test_the_fleet_is_listed_and_goes_back_from_one_release_only(control, node, variables):
    newer = active(node)
    assert newer in control.play("status", variables).output
    for start in ("1-000000000000", newer.rpartition("-r")[0]):
        done = control.play("rollback", {**variables, "rollout_from_release": start})
        assert done.returncode == 0, done.output
        assert (active(node) == newer) == (start == "1-000000000000"), done.output
    again = control.play("rollback", {**variables, "rollout_from_release": newer.rpartition("-r")[0]})
    assert (again.returncode, again.changed) == (0, 0), again.output


def test_a_host_twice_in_the_inventory_stops_everything_with_one_sentence(control, fleet, node, releases, variables):
    before = active(node)
    control.more = {"twin": {"ansible_host": node.address}}
    done = control.play("rollout", {**variables, "rollout_bundles": releases.release(3)})
    control.more = {}
    assert done.returncode == 2
    assert f"Remove all of them but one: node01, twin ({node.address}:22)." in done.output, done.output
    assert active(node) == before


def test_a_host_without_python_says_so_in_one_sentence(control, node, releases, variables):
    before = active(node)
    control.more = {node.name: {"ansible_host": node.address, "ansible_python_interpreter": "/usr/bin/no-python3"}}
    done = control.play("rollout", {**variables, "rollout_bundles": releases.release(3)})
    control.more = {}
    assert done.returncode == 2
    said = done.report["hosts"][node.name]
    assert said["outcome"] == "failed"
    assert said["why"] == (
        "Ansible can run no Python on this host, so nothing was changed on it. "
        "Install Python 3.9 or later there, or set ansible_python_interpreter."
    )
    assert active(node) == before


def policy(releases):
    """Return a policy of the fleet's owner, by which the builder may release and another key sign advisories."""
    release = parse_public_key(releases.signer)
    roles = {name: Role(1, (key.keyid,)) for name, key in (("release", release), ("policy", OWNER.key))}
    roles["advisories"] = Role(1, (WATCH.key.keyid,))
    return Policy(1, tuple(Signer(key, f"owner of {key.keyid}") for key in (release, OWNER.key, WATCH.key)), roles)
