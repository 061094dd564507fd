"""The wheels of the installer itself, selected from this project's own lockfile for every CPython at once.

Pure and abi3 wheels are included once, the others once for each minor version; their extension modules
do not collide, because their file names contain the ABI (PEP 3149).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.pylock import PylockSelectError
from packaging.utils import parse_wheel_filename

from builder.lock.export import read_pylock
from builder.lock.locked import LockedWheel
from bundle.target import PYTHONS, Target
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.pylock import Package, PackageWheel, Pylock

PROJECT = Path(__file__).resolve().parents[2]  # the project whose lockfile has the installer's wheels
GLIBC_FLOORS = ((2, 17), (2, 28), (2, 34))  # RHEL 7, 8, 9; the lowest for which all wheels exist is used
PATCH = 2  # the lower bound of requires-python is 3.9.2
# Excluded because the installer never imports them and every file costs a check at each start: rich needs
# the first three only for source code and Markdown, cffi needs pycparser only to parse C declarations.
NOT_SHIPPED = frozenset({"pygments", "markdown-it-py", "mdurl", "pycparser"})


@dataclass(frozen=True)
class Chosen:
    """A wheel of the lockfile and the Python minor versions that use it."""

    wheel: LockedWheel
    pythons: tuple[str, ...]

    @property
    def filename(self) -> str:
        return self.wheel.filename


def read_installer_lock(project: Path) -> Pylock:
    """Return a project's lockfile without any dependency group, as an air-gapped host needs it."""
    return read_pylock(project, ("--no-default-groups",))


def installer_packages(target: Target) -> list[tuple[str, str]]:
    """Return the name and version of each package that the installer for a target embeds."""
    wheels, _floor = choose_wheels(read_installer_lock(PROJECT), target)
    return sorted({(chosen.wheel.name, chosen.wheel.version) for chosen in wheels})


def choose_wheels(lock: Pylock, target: Target) -> tuple[list[Chosen], tuple[int, int] | None]:
    """Return the wheels for all Python minor versions, and the lowest glibc that they need (Linux only).

    The glibc is the lowest of GLIBC_FLOORS for which every package has a wheel, or None on other systems.
    Raises BuildError, with the package's name, if a package has no compatible wheel.
    """
    if target.platform != "linux":
        return _choose(lock, target), None
    for floor in GLIBC_FLOORS[:-1]:
        try:
            return _choose(lock, replace(target, glibc=floor)), floor
        except BuildError:  # noqa: PERF203 - the next floor may do
            continue
    return _choose(lock, replace(target, glibc=GLIBC_FLOORS[-1])), GLIBC_FLOORS[-1]


def _choose(lock: Pylock, target: Target) -> list[Chosen]:
    pythons: dict[tuple[str, str], list[str]] = {}
    found: dict[tuple[str, str], PackageWheel] = {}
    for python in PYTHONS:
        minor = replace(target, python=python)
        for package in _packages(lock, minor):
            if package.name in NOT_SHIPPED:
                continue
            earlier = [wheel for (name, _filename), wheel in found.items() if name == package.name]
            wheel = _best_wheel(package, earlier, minor)
            key = (package.name, wheel.filename)
            found[key] = wheel
            pythons.setdefault(key, []).append(python)
    return [
        Chosen(_locked(name, wheel), tuple(pythons[name, filename]))
        for (name, filename), wheel in sorted(found.items(), key=lambda item: item[0])
    ]


def _packages(lock: Pylock, target: Target) -> list[Package]:
    """Return the packages whose markers apply to one minor version; wheels are selected later."""
    environment: Any = target.environment(PATCH)
    names = [wheel.filename for package in lock.packages for wheel in package.wheels or ()]
    every_tag = [tag for name in names for tag in parse_wheel_filename(name)[3]]
    try:
        return [package for package, _file in lock.select(environment=environment, tags=every_tag)]
    except PylockSelectError as error:
        raise BuildError(
            _("The installer's lockfile does not support {target} with Python {python}: {reason}").format(
                target=target, python=target.python, reason=error
            ),
            advice=_("Lock versions that have wheels for every Python from 3.9 to 3.15."),
        ) from error


def _best_wheel(package: Package, earlier: Sequence[PackageWheel], target: Target) -> PackageWheel:
    """Return a pure wheel, else a compatible one that an earlier minor version uses, else the best-ranked one."""
    ranks = {str(tag): rank for rank, tag in enumerate(target.tags())}

    def rank(wheel: PackageWheel) -> int:
        tags = parse_wheel_filename(wheel.filename)[3]
        return min((ranks[str(tag)] for tag in tags if str(tag) in ranks), default=len(ranks))

    fitting = [wheel for wheel in package.wheels or () if rank(wheel) < len(ranks)]
    if not fitting:
        platforms = {tag.platform for wheel in package.wheels or () for tag in parse_wheel_filename(wheel.filename)[3]}
        raise BuildError(
            _("{package} {version} has no wheel for {target} with Python {python}.").format(
                package=package.name, version=package.version, target=target, python=target.python
            ),
            advice=_("Lock a version that has one; this one has wheels for: {platforms}.").format(
                platforms=", ".join(sorted(platforms)) or _("none")
            ),
        )
    pure = [wheel for wheel in fitting if wheel.filename.endswith("-none-any.whl")]
    stored = [wheel for wheel in fitting if wheel in earlier]
    return min(pure or stored or fitting, key=rank)


def _locked(name: str, wheel: PackageWheel) -> LockedWheel:
    version = str(parse_wheel_filename(wheel.filename)[1])
    return LockedWheel(wheel.filename, name, version, wheel.url or "", wheel.size, wheel.hashes["sha256"])
