"""Whoever holds the key of advisories alone: what it signs, and what an operator and an approver do meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bundle.advisories.exceptions import Acceptance, Exceptions, Exemption, Removal
from bundle.advisories.snapshot import read_snapshot
from bundle.signing.policy import NAMESPACES
from installer.advisories import retained_list, stored
from installer.advisories.scan import scan_installed
from installer.advisories.update import UpdateOptions, update
from installer.layout.prefix import Prefix
from installer.release.installation import Installation, active
from shared.files import files
from tests.advisories import HIGH, below, dated, record, sign_beside, snapshot_bytes
from tests.installed import PRODUCT, install_made
from tests.installed import Installation as Made
from tests.installer.advisories.conftest import APPROVER, KEY, MADE
from tests.validator.checking import site_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from installer.advisories.scan import InstalledScan

DAYS = timedelta(days=1)
# what the application has installed: demo-lib 1.2.0 and demo-base 2.0.1
HIT = record("TEST-1", "demo-lib", *below("1.3"), vector=HIGH, aliases=("CVE-2026-0001",))
UNSCORED = record("TEST-9", "demo-base", *below("3.0"), aliases=("CVE-2026-0009",))
LATER = record("TEST-8", "later", *below("2.0"), vector=HIGH, aliases=("CVE-2026-0008",))
MANY = tuple(record(f"MANY-{number:03}", f"many-{number:03}", *below("1.0"), vector=HIGH) for number in range(100))
NOTHING = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"


BROUGHT = record("OLD-1", "old", *below("1.0"))
FULL = (BROUGHT, HIT, UNSCORED, LATER, *MANY)
EXCEPTION = Exemption(
    *("CVE-2026-0009", "demo-base", "==2.0.1", "vulnerable_code_not_present", "never", "kim"),
    approved=MADE,
    expires=MADE + 90 * DAYS,
)
FURTHER = record("TEST-2", "demo-base", *below("3.0"), vector=HIGH, aliases=("CVE-2026-0002",))


class Attacker:
    """Signs snapshots for a host with the key of advisories, one a day, and lets the host adopt them."""

    def __init__(self, folder: Any, site: Any) -> None:
        self.folder, self.site, self.day = folder, site, 0

    def snapshot(self, *records: dict[str, Any], **more: Any) -> bytes:
        self.day += 1
        moment = MADE + self.day * DAYS
        return snapshot_bytes(self.folder, dated(moment - timedelta(hours=1), records), now=moment, **more)

    @property
    def now(self):
        return MADE + self.day * DAYS + timedelta(hours=1)

    def adopt(self, data: bytes, key: Any = KEY, role: str = "advisories", **options: Any) -> Any:
        for old in self.folder.glob("offered*"):
            old.unlink()
        path = sign_beside(self.folder / "offered", data, NAMESPACES[role], key)
        return update(path, self.site.installation, self.site.trust_stores, UpdateOptions(now=self.now, **options))

    def offer(self, *records: dict[str, Any], **more: Any) -> Any:
        return self.adopt(self.snapshot(*records, **more))

    def approve(self, **parts: Any) -> Any:
        return self.adopt(Exceptions(**{"exceptions": (), **parts}).to_bytes(), APPROVER, "exceptions")

    def scan(self) -> InstalledScan:
        return scan_installed(*self.site, now=self.now)

    def install(self, name: str, version: str) -> None:
        folder = site_of(self.site.installation.prefix)
        folder.chmod(0o755)
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").touch()

    def uninstall(self, name: str) -> None:
        folder = site_of(self.site.installation.prefix)
        folder.chmod(0o755)
        for info in folder.glob(f"{name}-*.dist-info"):
            info.rename(folder / f"{name}.gone")


def without(*identifiers: str) -> tuple[dict[str, Any], ...]:
    return tuple(one for one in FULL if one["id"] not in identifiers)


def instead(one: dict[str, Any], *others: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return (*without(one["id"]), *others)


def removal(identifier: str, sequence: int, **changes: Any) -> Removal:
    one = Removal(identifier, "later", sequence, "it was never vulnerable", "kim", MADE, None)
    return replace(one, **changes)


def acceptance(data: bytes, **changes: Any) -> Acceptance:
    one = Acceptance(read_snapshot(data).sha256, "the database was cleaned", "kim", MADE, MADE + 90 * DAYS)
    return replace(one, **changes)


def forget(attacker: Attacker, *, shared: bool = False) -> None:
    """Remove what the prefix stores of updates and, with ``shared``, what the host's trust folder does."""
    files.remove_tree(stored.folder_of(attacker.site.installation.prefix))
    if shared:
        files.remove_tree(shelf(attacker))


def shelf(attacker: Attacker) -> Path:
    """Return the folder in which the host stores what it knows about the product."""
    return attacker.site.trust_stores.host / "advisories" / PRODUCT.name


def listed(attacker: Attacker) -> Path:
    """Return the host's retained list."""
    (found,) = shelf(attacker).glob("*.json")
    return found


def stored_snapshot(attacker: Attacker) -> bytes:
    """Return the snapshot that an update has put in force."""
    return (stored.folder_of(attacker.site.installation.prefix) / "advisories.zip").read_bytes()


def upgrade(attacker: Attacker, monkeypatch: pytest.MonkeyPatch, data: bytes | None, counter: int = 1) -> None:
    """Install a later release, as the product does: what its snapshot lacks is retained before it is activated."""
    site, whole = attacker.site, Prefix.set_current

    def set_current(prefix, release):
        assert retained_list.prepare(Installation(prefix, release, release.manifest()), site.trust_stores) is None
        whole(prefix, release)

    monkeypatch.setattr(Prefix, "set_current", set_current)
    brought = {} if data is None else {"advisories/advisories.zip": data}
    made = Made(product=replace(PRODUCT, counter=PRODUCT.counter + counter), verification=brought)
    install_made(site.installation.prefix, made)
    monkeypatch.undo()
    assert retained_list.remember(site.installation.prefix, site.trust_stores) is None
    attacker.site = site._replace(installation=active(site.installation.prefix))
