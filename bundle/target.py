"""A target: the platform, architecture and Python version for which a bundle is built.

Platform and architecture are written as ``linux-x86_64``, the Python version separately as ``3.11``. Tags follow
the platform compatibility specification (PEP 425, 600, 656), markers follow PEP 508.
"""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.strict import Fields, refuse
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from packaging.tags import Tag

ARCHITECTURES = {
    "linux": ("x86_64", "aarch64"),
    "musllinux": ("x86_64", "aarch64"),
    "windows": ("amd64", "arm64"),
    "macos": ("arm64", "x86_64"),
}
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
FREE_THREADED = ("3.13t", "3.14t", "3.15t")  # the builder looks up wheels for these; the installer does not run on them
GLIBC_FLOOR = (2, 28)  # Debian 10, RHEL 8; current scientific wheels are built for it
MUSL_FLOOR = (1, 2)  # Alpine 3.13
MACOS_FLOOR = (14, 0)  # the oldest for which PyTorch has wheels
_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}


@dataclass(frozen=True)
class Target:
    """A target: platform, architecture and Python version. ``glibc`` is the lowest glibc version of its Linux hosts."""

    platform: str
    architecture: str
    python: str
    glibc: tuple[int, int] = GLIBC_FLOOR

    def __str__(self) -> str:
        return f"{self.platform}-{self.architecture}"

    @property
    def abi(self) -> str:
        """The CPython ABI tag, for example ``cp311``, or ``cp314t`` for a free-threaded build."""
        return "cp" + self.python.replace(".", "")

    @property
    def version(self) -> str:
        """The Python language version: ``3.14`` for ``3.14t`` too."""
        return self.python.removesuffix("t")

    @property
    def python_tuple(self) -> tuple[int, int]:
        major, minor = self.version.split(".")
        return int(major), int(minor)

    def platform_tags(self) -> list[str]:
        """Return the platform tags that a host of this target accepts, best first."""
        from packaging import tags

        if self.platform == "windows":
            return [f"win_{self.architecture}"]
        if self.platform == "macos":
            return list(tags.mac_platforms(MACOS_FLOOR, self.architecture))
        if self.platform == "musllinux":
            return [f"musllinux_1_{minor}_{self.architecture}" for minor in range(MUSL_FLOOR[1], -1, -1)]
        found = []
        for minor in range(self.glibc[1], 4, -1):
            found.append(f"manylinux_2_{minor}_{self.architecture}")
            legacy = _LEGACY.get((2, minor))
            if legacy:
                found.append(f"{legacy}_{self.architecture}")
        return [*found, f"linux_{self.architecture}"]

    def tags(self) -> list[Tag]:
        """Return the wheel tags of this target, best first."""
        from packaging import tags

        platforms = self.platform_tags()
        interpreter = self.abi.removesuffix("t")
        return [
            *tags.cpython_tags(self.python_tuple, [self.abi], platforms),
            *tags.compatible_tags(self.python_tuple, interpreter, platforms),
        ]

    def environment(self, patch: int = 0) -> dict[str, str]:
        """Return the values of the environment markers (PEP 508) for this target at a patch release of its Python."""
        names = {
            "linux": ("posix", "linux", "Linux"),
            "musllinux": ("posix", "linux", "Linux"),
            "windows": ("nt", "win32", "Windows"),
            "macos": ("posix", "darwin", "Darwin"),
        }
        os_name, sys_platform, system = names[self.platform]
        full = f"{self.version}.{patch}"
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": os_name,
            "platform_machine": "AMD64" if self.architecture == "amd64" else self.architecture,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": full,
            "python_version": self.version,
            "sys_platform": sys_platform,
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "platform": self.platform,
            "architecture": self.architecture,
            "python": self.python,
            "glibc": f"{self.glibc[0]}.{self.glibc[1]}" if self.platform == "linux" else None,
        }


def parse_target(name: str, python: str, *, glibc: tuple[int, int] = GLIBC_FLOOR) -> Target:
    """Return the target that the user named, for example ``linux-x86_64`` and ``3.11``."""
    system, _dash, architecture = name.partition("-")
    if architecture not in ARCHITECTURES.get(system, ()):
        known = ", ".join(f"{system}-{machine}" for system, machines in ARCHITECTURES.items() for machine in machines)
        raise UsageError(
            _("{name} is not a known target.").format(name=name),
            advice=_("Specify one of {known}.").format(known=known),
        )
    if python not in PYTHONS:
        raise UsageError(
            _("Python {python} is not supported.").format(python=python),
            advice=_("Specify one of {known}.").format(known=", ".join(PYTHONS)),
        )
    return Target(system, architecture, python, glibc)


def target_from_json(value: Any, path: str) -> Target:
    """Read the target of a manifest."""
    fields = Fields(value, path)
    system = fields.nested("platform", strict.choice, choices=tuple(ARCHITECTURES))
    architecture = fields.nested("architecture", strict.choice, choices=ARCHITECTURES[system])
    python = fields.nested("python", strict.choice, choices=PYTHONS)
    glibc = fields.optional_text("glibc")
    fields.done()
    if system != "linux":
        if glibc is not None:
            raise refuse(f"{path}.glibc", _("only valid for a Linux target"))
        return Target(system, architecture, python)
    matched = re.fullmatch(r"2\.([0-9]{1,2})", glibc or "")
    if not matched:
        raise refuse(f"{path}.glibc", _("not a glibc version"))
    return Target(system, architecture, python, (2, int(matched[1])))


def host_target() -> Target:
    """Return this host as a target: its platform, architecture, running Python and glibc."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    aliases = {"x86_64": "amd64"} if system == "windows" else {"amd64": "x86_64"}
    if sys.platform == "linux":
        aliases["arm64"] = "aarch64"
        system = "linux" if host_glibc() else "musllinux"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Target(system, aliases.get(machine, machine), version, host_glibc() or (0, 0))


def host_glibc() -> tuple[int, int] | None:
    """Return this host's glibc version, or None if it has none (musl, Windows, macOS)."""
    matched = re.match(r"([0-9]+)\.([0-9]+)", platform.libc_ver()[1]) if platform.libc_ver()[0] == "glibc" else None
    return (int(matched[1]), int(matched[2])) if matched else None
