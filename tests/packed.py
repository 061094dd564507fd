"""What the bundle of a fake application holds, and the manifest of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bundle import digest
from bundle.lock import PYLOCK
from bundle.manifest import MODELS, SOURCE, WHEELS, Manifest, Package, Product
from bundle.opening import INSTALLER_MEMBER
from bundle.product.model import Model, Probe
from bundle.target import host_target
from tests.bundles import entry
from tests.wheels import Wheel, pylock

if TYPE_CHECKING:
    from bundle.product.application import Application
    from bundle.product.conflict import Conflict
    from bundle.target import Target

VERIFICATION = "06_Verification"
MODEL = "tiny"  # the one that each has


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A fake application as a bundle holds it; every path is below the folder of its kind."""

    product: Product
    wheels: tuple[Wheel, ...]
    source: dict[str, bytes]
    model: dict[str, bytes]
    probe: Probe | None
    application: Application
    installer: bytes = b"an installer\n"
    plugins: dict[str, bytes] = field(default_factory=dict)
    verification: dict[str, bytes] = field(default_factory=dict)
    installed_bytes: int = 1_000_000
    installed_files: int = 100
    conflicts: tuple[Conflict, ...] = ()
    python: str = ""  # of the target, where it is not this one

    def contents(self) -> dict[str, tuple[str, bytes]]:
        """Return path → (kind, bytes) of every file of the bundle, sorted."""
        wheels = {f"{WHEELS}/{wheel.filename}": wheel.build() for wheel in self.wheels}
        found = {
            PYLOCK: ("lock", pylock(wheels)),
            INSTALLER_MEMBER: ("script", self.installer),
            **{path: ("wheel", data) for path, data in wheels.items()},
            **{f"{SOURCE}/{path}": ("source", data) for path, data in self.source.items()},
            **{f"{VERIFICATION}/{path}": ("verification", data) for path, data in self.verification.items()},
            **{f"{VERIFICATION}/plugins/{name}": ("plugin", data) for name, data in self.plugins.items()},
            **{f"{MODELS}/{MODEL}/{path}": ("model", data) for path, data in self.model.items()},
        }
        return dict(sorted(found.items()))

    def manifest(self) -> Manifest:
        contents = self.contents()
        return Manifest(
            product=self.product,
            target=replace(_target(), python=self.python) if self.python else _target(),
            python_range=None,
            created="2026-01-31T12:00:00Z",
            lock_sha256=digest.sha256_bytes(contents[PYLOCK][1]),
            source_commit=None,
            files=tuple(entry(path, kind, data) for path, (kind, data) in contents.items()),
            packages=tuple(
                Package(wheel.name, wheel.version, f"{WHEELS}/{wheel.filename}", "MIT")
                for wheel in sorted(self.wheels, key=lambda wheel: wheel.filename)
            ),
            models=(Model(MODEL, f"{MODEL}/{MODEL}", "main", self.probe),) if self.model else (),
            application=self.application,
            installed_bytes=self.installed_bytes,
            installed_files=self.installed_files,
            conflicts=self.conflicts,
        )


def _target() -> Target:
    """Return this host's, with no newer C library than bundles are made for."""
    target = host_target()
    return replace(target, glibc=min(target.glibc, (2, 28))) if target.platform == "linux" else target
