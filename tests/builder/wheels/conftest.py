from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.builder.wheels.attesting.attested import DEMO, PLAIN, locked
from tests.servers import serve_index
from tests.sigstore import Sigstore
from tests.wheels import make_wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sigstore(tmp_path, monkeypatch) -> Sigstore:
    made = Sigstore()
    made.trust_here(tmp_path / "user", monkeypatch)
    return made


@pytest.fixture
def site(sigstore):
    """Serve an index that offers one wheel with its provenance and one without."""
    wheels = {DEMO: make_wheel("demo", "1.0"), PLAIN: make_wheel("plain", "1.0")}
    with serve_index(wheels) as site:
        digest = hashlib.sha256(wheels[DEMO]).hexdigest()
        site.digest = digest  # type: ignore[attr-defined]
        page = site.files["/simple/demo/"].decode()
        site.files["/simple/demo/"] = page.replace("<a ", '<a data-provenance="/integrity/demo" ').encode()
        site.files["/integrity/demo"] = sigstore.provenance(DEMO, digest)
        yield site


@pytest.fixture
def project(site, tmp_path) -> Path:
    return locked(tmp_path / "project", site)
