"""The project's lock: read through uv, answered for any target, written for the host.

uv exports its lock as pylock.toml (PEP 751); ``packaging.pylock`` selects what a target needs.
Markers and tags are the target's, never this machine's.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tomllib
from packaging.pylock import (
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from bootstrap.bundle import names
from bootstrap.bundle.digest import sha256_file
from bootstrap.bundle.lock import Row
from bootstrap.errors import BuildError
from bootstrap.i18n import _
from builder.export import export_pylock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from packaging.pylock import Package
    from packaging.tags import Tag

    from bootstrap.bundle.target import Target

LAST_PATCH = 99  # the highest patch release of a Python that markers are asked about
TAGS_SHOWN = 6  # of a package without a fitting wheel
_DIGEST = re.compile(r"[0-9a-f]{64}")


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


@dataclass(frozen=True)
class Selection:
    """The wheels of one target, by filename, and the patch releases of its Python that they hold for."""

    wheels: tuple[LockedWheel, ...]
    python_range: tuple[int, int] | None


def read_lock(project_root: Path) -> Lock:
    """Return a project's lock.

    Raises BuildError when there is no project or lock, or the lock is out of date or unreadable.
    """
    root = project_root.resolve()
    exported = export_pylock(root)
    digest, _size = sha256_file(root / "uv.lock")
    try:
        return Lock(root, Pylock.from_dict(tomllib.loads(exported)), digest)
    except (tomllib.TOMLDecodeError, PylockValidationError, PylockUnsupportedVersionError) as error:
        raise BuildError(
            _("What uv exports of {lock} is not a pylock.toml that can be read: {reason}.").format(
                lock=root / "uv.lock", reason=error
            ),
            advice=_("Run `uv lock` with a current uv and build again."),
        ) from error


def select_wheels(lock: Lock, target: Target) -> Selection:
    """Return the wheels that a target needs, and for which patch releases of its Python.

    Where the lock selects differently for X.Y.0 and a later release, the widest range of releases
    with one selection is taken. Raises BuildError when no selection is whole.
    """
    tags = target.tags()
    starts = _turning_points(lock.pylock, target)
    runs: list[tuple[int, int, tuple[LockedWheel, ...]]] = []
    trouble: BuildError | None = None
    for first, following in zip(starts, [*starts[1:], LAST_PATCH + 1], strict=True):
        try:
            wheels = _select(lock, target, tags, first)
        except BuildError as error:
            trouble = error
            continue
        if runs and runs[-1][1:] == (first - 1, wheels):
            runs[-1] = (runs[-1][0], following - 1, wheels)
        else:
            runs.append((first, following - 1, wheels))
    if not runs:
        assert trouble is not None
        raise trouble
    first, last, wheels = max(runs, key=lambda run: (run[1] - run[0], run[0]))
    return Selection(wheels, None if (first, last) == (0, LAST_PATCH) else (first, last))


def _turning_points(pylock: Pylock, target: Target) -> list[int]:
    """Return the patch releases at which the answer may change: those that a marker names, and the next."""
    texts = [str(pylock.requires_python or ""), *map(str, pylock.environments or ())]
    for package in pylock.packages:
        texts += [str(package.marker or ""), str(package.requires_python or "")]
    named = re.compile(rf"(?<![0-9.]){re.escape(target.python)}\.([0-9]{{1,2}})")
    patches = {int(patch) for text in texts for patch in named.findall(text)}
    return sorted({0, *(point for patch in patches for point in (patch, patch + 1) if point <= LAST_PATCH)})


def _select(lock: Lock, target: Target, tags: Sequence[Tag], patch: int) -> tuple[LockedWheel, ...]:
    environment: Any = target.environment(patch)
    wanted = [package for package in lock.pylock.packages if _applies(package, environment)]
    _check_python(lock.pylock, target, patch)
    _check_doubles(wanted, target)
    stranded = [package for package in wanted if _is_stranded(package, frozenset(tags))]
    lost = {id(package) for package in stranded}
    rest = replace(lock.pylock, packages=[package for package in lock.pylock.packages if id(package) not in lost])
    try:
        chosen = list(rest.select(environment=environment, tags=tags))
    except PylockSelectError as error:
        raise BuildError(
            _("The lock does not hold for {target} with Python {python}: {reason}.").format(
                target=target, python=f"{target.python}.{patch}", reason=error
            ),
            advice=_("Widen requires-python or tool.uv.environments in pyproject.toml and run `uv lock`."),
        ) from error
    stranded += [package for package, source in chosen if _wheel_name(source) is None]
    if stranded:
        raise _no_wheel(stranded, target)
    return tuple(sorted(_locked(package, source, lock.root, target) for package, source in chosen))


def _applies(package: Package, environment: Mapping[str, str]) -> bool:
    asked: dict[str, Any] = {**environment, "extras": frozenset(), "dependency_groups": frozenset()}
    return package.marker is None or package.marker.evaluate(asked, context="lock_file")


def _check_python(pylock: Pylock, target: Target, patch: int) -> None:
    required = pylock.requires_python
    if required is not None and not required.contains(f"{target.python}.{patch}"):
        raise BuildError(
            _("The lock requires Python {required}, the target has {python}.").format(
                required=required, python=target.python
            ),
            advice=_("Name another Python with --python, or widen requires-python and run `uv lock`."),
        )


def _check_doubles(wanted: Iterable[Package], target: Target) -> None:
    doubles = sorted(name for name, count in Counter(package.name for package in wanted).items() if count > 1)
    if doubles:
        raise BuildError(
            _("The lock has more than one version for {target} of {packages}.").format(
                target=target, packages=", ".join(doubles)
            ),
            advice=_("Make the markers of its dependencies exclude each other and run `uv lock`."),
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
            _("The lock names a wheel with a malformed file name: {file}.").format(file=filename)
        ) from error


def _filenames(package: Package) -> list[str]:
    archive = _wheel_name(package.archive)
    return [wheel.filename for wheel in package.wheels or ()] + ([archive] if archive else [])


def _is_stranded(package: Package, tags: frozenset[Tag]) -> bool:
    """Tell whether a package that comes as wheels has none for these tags."""
    filenames = _filenames(package)
    return bool(filenames) and not any(tags & _wheel_tags(filename) for filename in filenames)


def _no_wheel(packages: Iterable[Package], target: Target) -> BuildError:
    told = "; ".join(_what_exists(package, target) for package in sorted(packages, key=lambda package: package.name))
    return BuildError(
        _("No wheel for {target} with Python {python}: {packages}.").format(
            target=target, python=target.python, packages=told
        ),
        advice=_(
            "Only wheels can travel for now, nothing is built from source: lock versions that have a wheel "
            "for this target, or build for another target."
        ),
    )


def _what_exists(package: Package, target: Target) -> str:
    kinds: list[tuple[type, str]] = [
        (PackageVcs, _("a version control repository")),
        (PackageDirectory, _("a local folder")),
        (PackageArchive, _("a source archive")),
        (PackageSdist, _("a source distribution only")),
    ]
    found = ["-".join(filename.removesuffix(".whl").split("-")[-3:]) for filename in _filenames(package)]
    if found:
        near = sorted(found, key=lambda tag: (target.architecture not in tag, target.abi not in tag, tag))
        more = ["…"] if len(near) > TAGS_SHOWN else []
        text = _("wheels exist for {tags}").format(tags=", ".join(near[:TAGS_SHOWN] + more))
        text += ", " + (_("and a source distribution") if package.sdist else _("no source distribution"))
    else:
        source = package.vcs or package.directory or package.archive or package.sdist
        text = next(words for kind, words in kinds if isinstance(source, kind))
    return f"{package.name} {package.version or ''}".rstrip() + f" ({text})"


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
            _("The lock names a wheel of {package} that cannot travel: {file}: {reason}.").format(
                package=package.name, file=repr(filename), reason=trouble or _("the name is another package's")
            )
        )
    if not _DIGEST.fullmatch(digest):
        raise BuildError(
            _("The lock has no SHA-256 for {file}.").format(file=filename),
            advice=_("Use an index that gives SHA-256 digests, and run `uv lock` again."),
        )
    url = source.url or (root / source.path).resolve().as_uri()
    if urlsplit(url).scheme not in ("https", "http", "file"):
        raise BuildError(
            _("{file} lies at an address that is neither https, http nor a file.").format(file=filename),
            advice=_("Use an index that serves over https, and run `uv lock` again."),
        )
    return LockedWheel(filename, name, str(version), url, source.size, digest)


def lock_rows(wheels: Iterable[LockedWheel]) -> list[Row]:
    """Return the rows of the host's pylock.toml."""
    return [Row(wheel.filename, wheel.name, wheel.version, wheel.sha256) for wheel in wheels]


def write_requirements(wheels: Iterable[LockedWheel]) -> bytes:
    """Return hashed requirement lines, for pip with --require-hashes."""
    return "".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in sorted(wheels)).encode()
