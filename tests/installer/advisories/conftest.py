from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bundle.signing.signature import ED25519
from installer.release.installation import Installation, active
from tests.advisories import dated, snapshot_bytes, trusting
from tests.installed import make_prefix
from tests.keys import SoftKey
from tests.policies import lay

if TYPE_CHECKING:
    from installer.trust.stores import TrustStores

KEY, APPROVER = SoftKey(ED25519), SoftKey(ED25519)
MADE = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
_cache: dict[str, bytes] = {}


class Site(NamedTuple):
    """An installation, and where its host remembers whom it trusts."""

    installation: Installation
    trust_stores: TrustStores


@pytest.fixture
def snapshot(tmp_path):
    """Return a function that gives a snapshot made so many days after the one that the release brought."""

    def make(days=0, **more):
        moment = MADE + timedelta(days=days)
        return snapshot_bytes(tmp_path, dated(moment - timedelta(hours=1)), now=moment, **more)

    return make


@pytest.fixture
def brought(snapshot):
    """Return the snapshot that the release brings."""
    if "brought" not in _cache:
        _cache["brought"] = snapshot()
    return _cache["brought"]


@pytest.fixture
def site(tmp_path, brought, trust_stores):
    """Return an installation that brought advisories, on a host whose policy lets KEY sign newer ones."""
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": brought})
    policy, owner = trusting(KEY, APPROVER)
    trust_stores.host.mkdir(parents=True)
    lay(trust_stores.host, policy, owner)
    return Site(active(prefix), trust_stores)
