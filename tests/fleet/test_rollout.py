"""The story of a fleet: install in waves, run again, upgrade with a canary that fails its gate, upgrade, roll back."""

from __future__ import annotations

import json

import pytest

from shared.programs.app_launcher import read_env

pytestmark = [pytest.mark.index, pytest.mark.host]
PREFIX = "/opt/tiny"
SECRET = "correct horse 'battery' $taple"


@pytest.fixture
def variables(releases):
    """What the administrator of the fleet writes into fleet.yml."""
    return {
        "rollout_prefix": PREFIX,
        "rollout_bundles": releases.release(1),
        "rollout_signers": [releases.signer],
        "rollout_secrets": {"TINY_API_KEY": SECRET},
    }


def test_a_fleet_is_installed_upgraded_and_stopped_by_its_canary(control, fleet, releases, variables):
    first = control.play("rollout", variables, "-vvv", "--diff")
    assert first.returncode == 0, first.output[-6000:]
    assert set(first.outcomes.values()) == {"installed"}
    assert "battery" not in first.output
    for node in fleet.nodes.values():
        assert node.host.run(f"{PREFIX}/bin/tiny", "embed", "hello").ok
        settings = node.host.path(f"{PREFIX}/.env")
        assert settings.stat().st_mode & 0o777 == 0o600
        assert {name: value for _line, name, value in read_env(settings.read_text())[0]}["TINY_API_KEY"] == SECRET

    again = control.play("rollout", variables)
    assert again.returncode == 0, again.output[-6000:]
    assert again.changed == 0, again.output
    assert set(again.outcomes.values()) == {"unchanged"}

    faulty = control.play("rollout", {**variables, "rollout_bundles": releases.release(2, faulty=True)})
    assert faulty.returncode == 2
    canary, *others = fleet.nodes
    assert faulty.outcomes[canary] == "rolled back", faulty.output[-6000:]
    assert {faulty.outcomes[name] for name in others} == {"not reached"}
    assert {versions(node) for node in fleet.nodes.values()} == {"1.0.0"}

    foreseen = control.play("rollout", {**variables, "rollout_bundles": releases.release(3)}, "--check")
    assert foreseen.returncode == 0, foreseen.output[-6000:]
    assert {versions(node) for node in fleet.nodes.values()} == {"1.0.0"}
    # what the hosts have in their stores, the installer of 24 MB too, is not transferred
    assert 0 < max(one["bytes"] for one in foreseen.report["hosts"].values()) < 50_000

    upgraded = control.play("rollout", {**variables, "rollout_bundles": releases.release(3)})
    assert upgraded.returncode == 0, upgraded.output[-6000:]
    assert set(upgraded.outcomes.values()) == {"upgraded"}
    assert {versions(node) for node in fleet.nodes.values()} == {"3.0.0"}


def versions(node):
    """Return the version of the active release of a host."""
    return json.loads(node.host.path(f"{PREFIX}/current/bundle/MANIFEST.json").read_text())["product"]["version"]
