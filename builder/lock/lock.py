"""The project's lock: read through uv, answered for any target, written for the host.

uv exports its lock as pylock.toml (PEP 751); ``packaging.pylock`` selects what a target needs.
Markers and tags are the target's, never this machine's.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.pylock import (
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from builder.lock.export import WITHOUT_DEV, read_pylock
from builder.lock.gaps import Gap, MissingWheelsError, why_none_fits
from bundle import names
from bundle.digest import sha256_file
from bundle.lock import Row
from bundle.target import host_target
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from packaging.pylock import Package
    from packaging.tags import Tag

    from bundle.target import Target

    _Picked = tuple[tuple["LockedWheel", ...], tuple["LockedSource", ...]]

LAST_PATCH = 99  # the highest patch release of a Python that markers are asked about
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Lock:
    """A uv.lock as it stands: the folder of its project, its content and its SHA-256."""

    root: Path
    pylock: Pylock
    sha256: str


@dataclass(frozen=True, order=True)
class LockedWheel:
    """One wheel that the lock names, as it travels. ``size`` is in bytes, None where the lock does not say."""

    filename: str
    name: str
    version: str
    url: str = field(repr=False)  # https, http or file; it may hold credentials
    size: int | None = field(compare=False)
    sha256: str


@dataclass(frozen=True, order=True)
class LockedSource:
    """A package that the lock gives as source, and what pins it.

    ``kind`` is ``sdist`` (a source archive at ``place``, ``pin`` its SHA-256), ``git`` (a repository,
    ``pin`` its commit) or ``folder`` (a path; nothing pins it). ``size`` is in bytes where the lock says.
    """

    name: str
    version: str
    kind: str
    place: str = field(repr=False)  # it may hold credentials
    pin: str = ""
    subdirectory: str = ""
    filename: str = ""
    size: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Selection:
    """What one target needs, and the patch releases of its Python that this holds for.

    ``wheels`` by filename; ``sources`` are still to be built to wheels.
    """

    wheels: tuple[LockedWheel, ...]
    python_range: tuple[int, int] | None
    sources: tuple[LockedSource, ...] = ()


def read_lock(project_root: Path, *, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Lock:
    """Return a project's lock, with the extras and dependency groups that are to travel too.

    Raises BuildError when there is no project or lock, or the lock is out of date or unreadable.
    """
    root = project_root.resolve()
    chosen = [*(f"--extra={name}" for name in extras), *(f"--group={name}" for name in groups)]
    pylock = read_pylock(root, [*(() if "dev" in groups else WITHOUT_DEV), *chosen])
    digest, _size = sha256_file(root / "uv.lock")
    return Lock(root, pylock, digest)


def select_wheels(lock: Lock, target: Target, *, build: bool = True) -> Selection:
    """Return the wheels that a target needs, and for which patch releases of its Python.

    ``build`` lets packages come as source: those without any wheel, and on this machine's own platform
    those without a fitting one. Where the lock selects differently for X.Y.0 and a later release, the widest
    range of releases with one selection is taken. Raises BuildError when no selection is whole.
    """
    tags = target.tags()
    starts = _turning_points(lock.pylock, target)
    runs: list[tuple[int, int, _Picked]] = []
    trouble: BuildError | None = None
    for first, following in zip(starts, [*starts[1:], LAST_PATCH + 1], strict=True):
        try:
            picked = _select(lock, target, tags, first, build=build)
        except BuildError as error:
            trouble = error
            continue
        if runs and runs[-1][1:] == (first - 1, picked):
            runs[-1] = (runs[-1][0], following - 1, picked)
        else:
            runs.append((first, following - 1, picked))
    if not runs:
        assert trouble is not None
        raise trouble
    first, last, (wheels, sources) = max(runs, key=lambda run: (run[1] - run[0], run[0]))
    return Selection(wheels, None if (first, last) == (0, LAST_PATCH) else (first, last), sources)


def _turning_points(pylock: Pylock, target: Target) -> list[int]:
    """Return the patch releases at which the answer may change: those that a marker names, and the next."""
    texts = [str(pylock.requires_python or ""), *map(str, pylock.environments or ())]
    for package in pylock.packages:
        texts += [str(package.marker or ""), str(package.requires_python or "")]
    named = re.compile(rf"(?<![0-9.]){re.escape(target.version)}\.([0-9]{{1,2}})")
    patches = {int(patch) for text in texts for patch in named.findall(text)}
    return sorted({0, *(point for patch in patches for point in (patch, patch + 1) if point <= LAST_PATCH)})


def _select(lock: Lock, target: Target, tags: Sequence[Tag], patch: int, *, build: bool) -> _Picked:
    environment: Any = target.environment(patch)
    wanted = [package for package in lock.pylock.packages if _applies(package, environment)]
    _check_python(lock.pylock, target, patch)
    _check_doubles(wanted, target)
    stranded = [package for package in wanted if _is_stranded(package, frozenset(tags))]
    own = str(target) == str(host_target())
    gaps = [_gap(package, target) for package in stranded if not (build and own and package.sdist)]
    lost = {gap.name for gap in gaps}
    rest = replace(lock.pylock, packages=[package for package in lock.pylock.packages if package.name not in lost])
    try:
        chosen = list(rest.select(environment=environment, tags=tags))
    except PylockSelectError as error:
        raise BuildError(
            _("The lockfile does not support {target} with Python {python}: {reason}.").format(
                target=target, python=f"{target.version}.{patch}", reason=error
            ),
            advice=_("Widen requires-python or tool.uv.environments in pyproject.toml and run `uv lock`."),
        ) from error
    wheels = [(package, source) for package, source in chosen if _wheel_name(source)]
    sources = [(package, source) for package, source in chosen if not _wheel_name(source)]
    if not build:
        gaps += [_gap(package, target) for package, _source in sources]
    if gaps:
        raise MissingWheelsError(target, gaps)
    return (
        tuple(sorted(_locked(package, source, lock.root, target) for package, source in wheels)),
        tuple(sorted(_locked_source(package, source, lock.root) for package, source in sources)),
    )


def _applies(package: Package, environment: Mapping[str, str]) -> bool:
    asked: dict[str, Any] = {**environment, "extras": frozenset(), "dependency_groups": frozenset()}
    return package.marker is None or package.marker.evaluate(asked, context="lock_file")


def _check_python(pylock: Pylock, target: Target, patch: int) -> None:
    required = pylock.requires_python
    if required is not None and not required.contains(f"{target.version}.{patch}"):
        raise BuildError(
            _("The lockfile requires Python {required}, but the target has {python}.").format(
                required=required, python=target.python
            ),
            advice=_("Specify another Python with --python, or widen requires-python and run `uv lock`."),
        )


def _check_doubles(wanted: Iterable[Package], target: Target) -> None:
    doubles = sorted(name for name, count in Counter(package.name for package in wanted).items() if count > 1)
    if doubles:
        raise BuildError(
            _("The lockfile has more than one version for {target} of {packages}.").format(
                target=target, packages=", ".join(doubles)
            ),
            advice=_("Make the markers of its dependencies mutually exclusive and run `uv lock`."),
        )


def _wheel_name(source: Any) -> str | None:
    """Return the filename of a source that is a wheel; uv gives a direct URL or path as an archive."""
    if isinstance(source, PackageWheel):
        return source.filename
    if isinstance(source, PackageArchive):
        # an archive has no name of its own; a wheel's entry knows how to take it from a URL
        name = PackageWheel(url=source.url, path=source.path, hashes=source.hashes).filename
        return name if name.endswith(".whl") else None
    return None


def _wheel_tags(filename: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename as error:
        raise BuildError(
            _("The lockfile names a wheel with an invalid file name: {file}.").format(file=filename)
        ) from error


def _filenames(package: Package) -> list[str]:
    archive = _wheel_name(package.archive)
    return [wheel.filename for wheel in package.wheels or ()] + ([archive] if archive else [])


def _is_stranded(package: Package, tags: frozenset[Tag]) -> bool:
    """Tell whether a package that comes as wheels has none for these tags."""
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


_KINDS: dict[type, Callable[[], str]] = {
    PackageVcs: lambda: _("a version control repository"),
    PackageDirectory: lambda: _("a local folder"),
    PackageArchive: lambda: _("a source archive"),
    PackageSdist: lambda: _("a source distribution only"),
}


def _locked_source(package: Package, source: Any, root: Path) -> LockedSource:
    """Return what a package is built from. Raises BuildError where nothing pins an archive."""
    version = str(package.version or "")
    inner = source.subdirectory or "" if not isinstance(source, PackageSdist) else ""
    if isinstance(source, PackageVcs):
        if source.type != "git" or not _COMMIT.fullmatch(source.commit_id):
            raise BuildError(_("{package} comes from a repository that is not git.").format(package=package.name))
        place = source.url or str((root / (source.path or "")).resolve())
        return LockedSource(package.name, version, "git", place, source.commit_id, inner)
    if isinstance(source, PackageDirectory):
        return LockedSource(package.name, version, "folder", str((root / source.path).resolve()), "", inner)
    digest = source.hashes.get("sha256", "").lower()
    url = source.url or (root / source.path).resolve().as_uri()
    filename = (source.filename if isinstance(source, PackageSdist) else urlsplit(url).path).rpartition("/")[2]
    if not _DIGEST.fullmatch(digest):
        raise BuildError(
            _("The lockfile has no SHA-256 for {file}.").format(file=filename),
            advice=_("Use an index that provides SHA-256 digests, and run `uv lock` again."),
        )
    return LockedSource(package.name, version, "sdist", url, digest, inner, unquote(filename), source.size)


def _travel_name(filename: str, target: Target) -> str:
    """Return the name a wheel travels under: its own, or one platform tag of several where it is too long.

    A ustar header has 100 bytes for a file's name, and lists of manylinux tags exceed that.
    """
    if names.split_ustar(filename):
        return filename
    stem, _dash, platforms = filename.removesuffix(".whl").rpartition("-")
    fitting = [tag for tag in target.platform_tags() if tag in platforms.split(".")]
    return f"{stem}-{fitting[0]}.whl" if fitting else filename


def _locked(package: Package, source: Any, root: Path, target: Target) -> LockedWheel:
    filename = _travel_name(_wheel_name(source) or "", target)
    name, version, _build, _tags = parse_wheel_filename(filename)
    trouble = names.problem(filename)
    digest = source.hashes.get("sha256", "").lower()
    if trouble or canonicalize_name(name) != package.name:
        raise BuildError(
            _("The lockfile names a wheel of {package} that cannot be bundled: {file}: {reason}.").format(
                package=package.name, file=repr(filename), reason=trouble or _("the name belongs to another package")
            )
        )
    if not _DIGEST.fullmatch(digest):
        raise BuildError(
            _("The lockfile has no SHA-256 for {file}.").format(file=filename),
            advice=_("Use an index that provides SHA-256 digests, and run `uv lock` again."),
        )
    url = source.url or (root / source.path).resolve().as_uri()
    if urlsplit(url).scheme not in ("https", "http", "file"):
        raise BuildError(
            _("{file} has a URL that is neither https, http nor file.").format(file=filename),
            advice=_("Use an https index, and run `uv lock` again."),
        )
    return LockedWheel(filename, name, str(version), url, source.size, digest)


def lock_rows(wheels: Iterable[LockedWheel]) -> list[Row]:
    """Return the rows of the host's pylock.toml."""
    return [Row(wheel.filename, wheel.name, wheel.version, wheel.sha256) for wheel in wheels]


def write_requirements(wheels: Iterable[LockedWheel]) -> bytes:
    """Return hashed requirement lines, for pip with --require-hashes."""
    return "".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in sorted(wheels)).encode()
