"""A release is intact where mark and audit log both name its receipt; who rewrites receipt and mark hides nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bundle.digest import sha256_bytes
from installer.install import rollback
from installer.layout import seal
from installer.release import receipt
from installer.release.sealing import intact
from shared.errors import HostError
from shared.terminal.progress import NoProgress
from tests.helpers import QUIET, install
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from installer.layout.release import Release
    from tests.tiny import Tiny


class Heard(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(scope="module")
def second(tiny: Tiny, tmp_path_factory) -> Tiny:
    """Give the next release of the tiny application."""
    folder = tmp_path_factory.mktemp("second")
    return tiny_bundle(folder, counter=COUNTER + 1, version="1.1.0", key=tiny.key.with_suffix(""))


def forge(release: Release, path: str, data: bytes) -> None:
    """Give a file of a release other content, and let its receipt and mark vouch for that."""
    file = release.path / path
    file.chmod(0o644)
    file.write_bytes(data)
    sealed = receipt.read_receipt(release)
    release.path.chmod(0o755)
    items = receipt.with_expected(sealed.items, {path: sha256_bytes(data)})
    receipt.write_receipt(release, replace(sealed, items=items))
    seal.mark_complete(release)
    assert receipt.compare(release, receipt.read_receipt(release)) == []


def test_an_installation_replaces_what_was_rewritten_with_its_receipt_and_mark(prefix, tiny) -> None:
    altered = prefix.active()
    forge(altered, "app/app.py", b"EVIL = 1\n")
    heard = Heard()
    again = install(tiny, prefix, progress=heard)
    assert not again.already
    assert any("the audit log has a different receipt" in warning for warning in heard.warnings)
    assert b"EVIL" not in (prefix.active().app / "app.py").read_bytes()


def test_a_rollback_refuses_what_was_rewritten_with_its_receipt_and_mark(prefix, second) -> None:
    altered = prefix.active()
    active = install(second, prefix).active
    forge(altered, "app/app.py", b"EVIL = 1\n")
    with pytest.raises(HostError, match="the audit log has a different receipt"):
        rollback.rollback(prefix, QUIET)
    assert prefix.active().id == active


def test_a_receipt_of_another_release_counts_for_none_whatever_the_log_has(prefix) -> None:
    own = prefix.active()
    copy = prefix.releases / own.id.replace("-r1", "-r9")
    shutil.copytree(own.path, copy, symlinks=True)
    found, reason = intact.confirmed(prefix, prefix.release(copy.name))
    assert found is None
    assert reason == f"the receipt belongs to another release ({own.id})"
