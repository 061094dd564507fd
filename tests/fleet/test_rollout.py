"""The story of a fleet: install in waves, run again, upgrade with a canary that fails its gate, upgrade, roll back."""

from __future__ import annotations

import pytest

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
    assert SECRET not in first.output
    for node in fleet.nodes.values():
        assert node.host.run(f"{PREFIX}/bin/tiny", "embed", "hello").ok
        settings = node.host.path(f"{PREFIX}/.env")
        assert settings.stat().st_mode & 0o777 == 0o600

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

    upgraded = control.play("rollout", {**variables, "rollout_bundles": releases.release(3)})
    assert upgraded.returncode == 0, upgraded.output[-6000:]
    assert set(upgraded.outcomes.values()) == {"upgraded"}
    assert {versions(node) for node in fleet.nodes.values()} == {"3.0.0"}


def versions(node):
    """Return the version of the active release of a host."""
    import json

    return json.loads(node.host.path(f"{PREFIX}/current/bundle/MANIFEST.json").read_text())["product"]["version"]
