"""The lockfile of a build, and the selection of wheels for any target.

Whatever its kind, it is read as pylock.toml (PEP 751); ``packaging.pylock`` selects the packages of a target.
Markers and tags are always those of the target, never those of this machine.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packaging.pylock import (
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    Pylock,
    PylockSelectError,
)
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from builder.lock.gaps import Gap, MissingWheelsError, why_none_fits
from builder.lock.locked import LockedSource, LockedWheel, locked_source, locked_wheel, wheel_name
from builder.lock.lockfile import NO_PARTS
from bundle.digest import sha256_file
from bundle.target import host_target
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from packaging.pylock import Package
    from packaging.tags import Tag

    from builder.lock.build_lock import Resolution
    from builder.lock.lockfile import Lockfile, Parts
    from bundle.product.conflict import Conflict
    from bundle.target import Target

    _Picked = tuple[tuple["LockedWheel", ...], tuple["LockedSource", ...]]

LAST_PATCH = 99  # the highest patch release for which markers are evaluated


@dataclass(frozen=True)
class Lock:
    """A lockfile that was read: its folder, its packages, its SHA-256 and its name.

    ``extras`` and ``groups`` are those to bundle of a file that has several; None stands for its default groups.
    """

    root: Path
    pylock: Pylock
    sha256: str
    name: str = "uv.lock"
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] | None = None

    def environment(self, target: Target, patch: int) -> dict[str, Any]:
        """Return the values of all markers for a patch release of a target's Python."""
        groups = frozenset(self.pylock.default_groups or ()) if self.groups is None else self.groups
        return {**target.environment(patch), "extras": self.extras, "dependency_groups": groups}


@dataclass(frozen=True)
class Selection:
    """The wheels and sources of one target.

    ``wheels`` are sorted by filename; ``sources`` still have to be built into wheels. ``python_range`` is the first
    and last patch release of the target's Python for which the selection is valid, or None if it is valid for all.
    Afterwards ``built`` are those of the wheels that came from sources, and ``resolutions`` what their builds required.
    ``conflicts``, known once the wheels are fetched, specifies whose file is installed where those of several differ.
    """

    wheels: tuple[LockedWheel, ...]
    python_range: tuple[int, int] | None
    sources: tuple[LockedSource, ...] = ()
    built: tuple[LockedWheel, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def read_lock(lockfile: Lockfile, parts: Parts = NO_PARTS) -> Lock:
    """Return a lockfile, with the parts of the project to bundle.

    Raises UsageError or BuildError if it is missing, out of date or unreadable, or lacks one of the parts.
    """
    pylock = lockfile.read(parts)
    digest, _size = sha256_file(lockfile.path)
    extras, groups = (pylock.extras or (), pylock.dependency_groups or ())
    wanted = {canonicalize_name(name) for name in parts.groups}
    named = {name for name in groups if parts.all_groups or canonicalize_name(name) in wanted}
    return Lock(
        lockfile.path.parent,
        pylock,
        digest,
        lockfile.path.name,
        frozenset(extras if parts.all_extras else map(canonicalize_name, parts.extras)),
        frozenset({*(pylock.default_groups or ()), *named}) if groups else None,
    )


def own_source(selection: Selection, root: Path) -> LockedSource | None:
    """Return the source of the project itself, or None if it is not installed, because it is not a package."""
    own = [one for one in selection.sources if one.kind == "folder" and one.place == str(root.resolve())]
    return own[0] if own else None


def select_wheels(lock: Lock, target: Target, *, build: bool = True) -> Selection:
    """Return the wheels that a target needs, and the patch releases of its Python for which they are valid.

    ``build`` allows source packages: those without any wheel, and, if the target is this machine's own
    platform, those without a compatible one. If the lockfile selects different wheels for X.Y.0 and a later
    release, the widest range of releases with the same selection is used, or the one with the target's patch release.
    Raises BuildError if no selection is complete.
    """
    starts = _turning_points(lock.pylock, target)
    runs: list[tuple[int, int, _Picked]] = []
    trouble: BuildError | None = None
    for first, following in zip(starts, [*starts[1:], LAST_PATCH + 1], strict=True):
        try:
            picked = _select(lock, target, first, build=build)
        except BuildError as error:
            trouble = error
            continue
        if runs and runs[-1][1:] == (first - 1, picked):
            runs[-1] = (runs[-1][0], following - 1, picked)
        else:
            runs.append((first, following - 1, picked))
    if target.patch is not None:
        runs = [run for run in runs if run[0] <= target.patch <= run[1]]
    if not runs:
        assert trouble is not None
        raise trouble
    first, last, (wheels, sources) = max(runs, key=lambda run: (run[1] - run[0], run[0]))
    return Selection(wheels, None if (first, last) == (0, LAST_PATCH) else (first, last), sources)


def _turning_points(pylock: Pylock, target: Target) -> list[int]:
    """Return the patch releases at which the selection may change: 0, those in markers, and the ones after them."""
    texts = [str(pylock.requires_python or ""), *map(str, pylock.environments or ())]
    for package in pylock.packages:
        texts += [str(package.marker or ""), str(package.requires_python or "")]
    named = re.compile(rf"(?<![0-9.]){re.escape(target.version)}\.([0-9]{{1,2}})")
    patches = {int(patch) for text in texts for patch in named.findall(text)}
    return sorted({0, *(point for patch in patches for point in (patch, patch + 1) if point <= LAST_PATCH)})


def _select(lock: Lock, target: Target, patch: int, *, build: bool) -> _Picked:
    environment: Any = target.environment(patch)
    tags, markers = target.tags(), lock.environment(target, patch)
    wanted = [
        package
        for package in lock.pylock.packages
        if package.marker is None or package.marker.evaluate(markers, context="lock_file")
    ]
    _check_python(lock.pylock, target, patch)
    _check_doubles(wanted, target)
    stranded = [package for package in wanted if _is_stranded(package, frozenset(tags))]
    own = str(target) == str(host_target())
    gaps = [_gap(package, target) for package in stranded if not (build and own and package.sdist)]
    lost = {gap.name for gap in gaps}
    rest = replace(lock.pylock, packages=[package for package in lock.pylock.packages if package.name not in lost])
    try:
        chosen = list(
            rest.select(environment=environment, tags=tags, extras=lock.extras, dependency_groups=lock.groups)
        )
    except PylockSelectError as error:
        raise BuildError(
            _("The lockfile does not support {target} with Python {python}: {reason}.").format(
                target=target, python=f"{target.version}.{patch}", reason=error
            ),
            advice=_("Widen requires-python or tool.uv.environments in pyproject.toml and run `uv lock`."),
        ) from error
    wheels = [(package, source) for package, source in chosen if wheel_name(source)]
    sources = [(package, source) for package, source in chosen if not wheel_name(source)]
    if not build:
        gaps += [_unbuilt(_gap(package, target)) for package, _source in sources]
    if gaps:
        raise MissingWheelsError(target, gaps)
    return (
        tuple(sorted(locked_wheel(package, source, lock.root, target) for package, source in wheels)),
        tuple(sorted(locked_source(package, source, lock.root) for package, source in sources)),
    )


def _check_python(pylock: Pylock, target: Target, patch: int) -> None:
    required = pylock.requires_python
    if required is not None and not required.contains(f"{target.version}.{patch}"):
        raise BuildError(
            _("The lockfile requires Python {required}, but the target has {python}.").format(
                required=required, python=target.python
            ),
            advice=_("Specify another Python version with --python, or widen requires-python and run `uv lock`."),
        )


def _check_doubles(wanted: Iterable[Package], target: Target) -> None:
    doubles = sorted(name for name, count in Counter(package.name for package in wanted).items() if count > 1)
    if doubles:
        raise BuildError(
            _("The lockfile has more than one version of these packages for {target}: {packages}.").format(
                target=target, packages=", ".join(doubles)
            ),
            advice=_("Make the markers of its dependencies mutually exclusive and run `uv lock`."),
        )


def _wheel_tags(filename: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename as error:
        raise BuildError(
            _("The lockfile names a wheel with an invalid file name: {file}.").format(file=filename)
        ) from error


def _filenames(package: Package) -> list[str]:
    archive = wheel_name(package.archive)
    return [wheel.filename for wheel in package.wheels or ()] + ([archive] if archive else [])


def _is_stranded(package: Package, tags: frozenset[Tag]) -> bool:
    """Return whether a package has wheels, but none for these tags."""
    filenames = _filenames(package)
    return bool(filenames) and not any(tags & _wheel_tags(filename) for filename in filenames)


def _gap(package: Package, target: Target) -> Gap:
    filenames = _filenames(package)
    if filenames:
        reason = why_none_fits(filenames, target, has_source=package.sdist is not None)
    else:
        source = package.vcs or package.directory or package.archive or package.sdist
        reason = _KINDS[type(source)]()
    return Gap(package.name, str(package.version or ""), reason)


def _unbuilt(gap: Gap) -> Gap:
    return replace(gap, reason=_("{source}; --no-build forbids building it").format(source=gap.reason))


_KINDS: dict[type, Callable[[], str]] = {
    PackageVcs: lambda: _("a version control repository"),
    PackageDirectory: lambda: _("a local folder"),
    PackageArchive: lambda: _("a source archive"),
    PackageSdist: lambda: _("a source distribution only"),
}
