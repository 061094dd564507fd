from __future__ import annotations

import pytest

from bundle.wheels import sizes
from bundle.wheels.sizes import Unpacked
from shared.errors import TrustError
from tests.bundles import make_manifest


def test_a_manifest_that_promises_too_little() -> None:
    manifest = make_manifest()
    large = Unpacked(manifest.installed_bytes + (17 << 20), 1)
    sizes.require_unpacked_size(manifest, [Unpacked(large.bytes - (2 << 20), 1)])
    for found in (large, Unpacked(1, manifest.installed_files + 600)):
        with pytest.raises(TrustError, match=r"MANIFEST\.json\.totals: declares 4096 bytes"):
            sizes.require_unpacked_size(manifest, [found])
