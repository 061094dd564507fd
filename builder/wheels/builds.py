"""Build wheels of packages that the lockfile lists as source, the project's own among them, once each.

1. search the cache for a wheel built from the same source, by a key derived from everything that pins that source
2. unpack the archive, the commit or the folder's tracked files into a scratch folder
3. let the package's own backend build the wheel there, enclosed (builder/backends)
4. check name and version, and cache the wheel, repacked with normalized timestamps and modes

A wheel with native code is compatible only with the platform and Python that built it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, canonicalize_version, parse_wheel_filename

from builder.backends import archives, backend, enclosure, trees
from builder.backends.build_system import read_build_system
from builder.backends.repositories import check_out
from builder.backends.workshop import interpreter_for
from builder.fetch.cache import HashMismatchError, sha256
from builder.fetch.partial import Remote
from builder.lock.build_lock import parse_build_lock, write_build_lock
from builder.lock.gaps import Gap, MissingWheelsError
from builder.lock.locked import LockedWheel
from builder.wheels import given
from bundle import digest
from bundle.target import host_target
from shared.errors import BuildError
from shared.files import files, temp_folders
from shared.files.zips import BROKEN
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.backends.backend import Made
    from builder.backends.trees import Tree
    from builder.backends.workshop import Workshop
    from builder.fetch.cache import Cache
    from builder.fetch.fetching import Fetching
    from builder.lock.build_lock import Resolution
    from builder.lock.locked import LockedSource
    from builder.project.project import UvSettings
    from bundle.target import Target

FORM = 2  # format version of the cached records; part of each key
RECORD_LIMIT = 4 << 20  # bytes
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # of every member; a zip cannot store an earlier one


@dataclass(frozen=True)
class Built:
    """A wheel that was built here or specified by the user, and the resolutions of what its build required."""

    wheel: LockedWheel
    resolutions: tuple[Resolution, ...] = ()


def build_wheels(sources: Sequence[LockedSource], target: Target, workshop: Workshop) -> list[Built]:
    """Return a wheel for each source, all compatible with a target.

    Raises MissingWheelsError if built wheels are compatible only with this machine, BuildError if a build fails.
    """
    found, gaps = [], []
    for source in sources:
        path = given.choose(source, target, workshop.given)
        built = _cached_or_built(source, target, workshop) if path is None else _given(source, path, workshop)
        if fits(built.wheel.filename, target):
            found.append(built)
        else:
            tag = "-".join(built.wheel.filename.removesuffix(".whl").split("-")[-3:])
            reason = _(
                "a wheel built from source on this machine fits only {tag}; build on a machine of the target "
                "platform that has its Python version, or specify a built wheel with --wheel"
            ).format(tag=tag)
            gaps.append(Gap(source.name, built.wheel.version, reason))
    if gaps:
        raise MissingWheelsError(target, gaps)
    return found


def _given(source: LockedSource, path: Path, workshop: Workshop) -> Built:
    check(source, path)
    digest_hex, size = digest.sha256_file(path)
    workshop.fetching.cache.keep(sha256(digest_hex), path)
    return Built(locked_at(path.name, workshop.fetching.cache, digest_hex, size))


def fits(filename: str, target: Target) -> bool:
    """Return whether a wheel is compatible with a target; a native one built here fits only this platform."""
    tags = parse_wheel_filename(filename)[3]
    native = any(tag.platform.startswith("linux_") for tag in tags)
    return not tags.isdisjoint(target.tags()) and (not native or str(target) == str(host_target()))


def is_native_here(wheel: LockedWheel) -> bool:
    """Return whether a wheel was built for this machine's C library.

    Its linux_ tag does not promise that it works with an older one.
    """
    return any(tag.platform.startswith("linux_") for tag in parse_wheel_filename(wheel.filename)[3])


def _cached_or_built(source: LockedSource, target: Target, workshop: Workshop) -> Built:
    python, fetching = interpreter_for(target), workshop.fetching
    key = _key(source, workshop.settings)
    for kind in ("any", f"{host_target()}-{python.version}"):
        stored = _read_record(workshop, key, kind)
        if stored:
            return stored
    fetching.progress.step(_("Building {package} from source").format(package=_named(source)))
    if not enclosure.is_available():
        fetching.progress.warn(
            _(
                "This machine has no namespaces for builds: the build of {package} could use the network and read the "
                "files of this user."
            ).format(package=_named(source))
        )
    with temp_folders.scratch() as scratch:
        work = scratch / "work"
        work.mkdir()
        tree = _unpack(source, work / "source", fetching)
        unpacked = backend.Source(source, tree, read_build_system(tree.folder))
        made = backend.build(unpacked, work, python, workshop)
        check(source, made.wheel)
        packed = scratch / made.wheel.name
        try:
            _pack_anew(made.wheel, packed)
        except BROKEN as error:
            reason = str(error).splitlines()[0]
            raise BuildError(
                _("The backend of {package} built no readable wheel: {reason}.").format(
                    package=source.name, reason=reason
                ),
                advice=_("Run `uv build --wheel` on its source to see what it builds."),
            ) from error
        pure = packed.name.endswith("-any.whl")
        return _keep(packed, made, fetching.cache, (key, "any" if pure else f"{host_target()}-{python.version}"))


def _named(source: LockedSource) -> str:
    return f"{source.name} {source.version}".rstrip()


def _key(source: LockedSource, settings: UvSettings) -> str:
    """Return the digest of everything that determines the built wheel: source, subfolder, build constraints."""
    pin: Any = source.pin
    if source.kind == "folder":
        pin = trees.describe(Path(source.place))
    place = "" if source.kind != "git" else source.place.rpartition("@")[2]
    value = [FORM, source.kind, source.name, place, pin, source.subdirectory, list(settings.build_constraints)]
    return digest.sha256_bytes(json.dumps(value, sort_keys=True).encode())


def _record(cache: Cache, key: str, kind: str) -> Path:
    return cache.root / "built" / f"{key}-{kind}.json"


def _read_record(workshop: Workshop, key: str, kind: str) -> Built | None:
    """Return the wheel of a record, or None if there is no valid record or the wheel is not intact in the cache.

    A wheel that was built with other wheels than those recorded for the same requirements does not count.
    """
    cache = workshop.fetching.cache
    try:
        with _record(cache, key, kind).open("rb") as file:
            value = json.loads(file.read(RECORD_LIMIT))
        wheel = locked_at(value["filename"], cache, value["sha256"], value["size"])
        resolutions = tuple(parse_build_lock(value["built_with"].encode(), _record(cache, key, kind)).known.values())
        known = [workshop.record.find(one.asked) for one in resolutions]
        same = all(one is None or one.digest == made.digest for one, made in zip(known, resolutions, strict=True))
        if same and cache.has(sha256(wheel.sha256), wheel.size):
            for one, made in zip(known, resolutions, strict=True):
                if one is None:
                    workshop.record.add(made)
            return Built(wheel, resolutions)
    except HashMismatchError as error:
        workshop.fetching.progress.warn(error.what)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BuildError):
        pass  # no usable record: the wheel is built again
    return None


def locked_at(filename: str, cache: Cache, digest_hex: str, size: int) -> LockedWheel:
    """Return the entry of a wheel that is in the cache. Raises ValueError if its file name is not a wheel's."""
    name, version, _build, _tags = parse_wheel_filename(filename)
    return LockedWheel(filename, name, str(version), cache.path(sha256(digest_hex)).as_uri(), size, digest_hex)


def _keep(packed: Path, made: Made, cache: Cache, at: tuple[str, str]) -> Built:
    digest_hex, size = digest.sha256_file(packed)
    cache.keep(sha256(digest_hex), packed)
    record = _record(cache, *at)
    text = write_build_lock(made.resolutions).decode()
    value = {"filename": packed.name, "sha256": digest_hex, "size": size, "built_with": text}
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(record, json.dumps(value).encode())
    except OSError as error:
        raise cache.unwritable(error) from error
    return Built(locked_at(packed.name, cache, digest_hex, size), made.resolutions)


# unpacking a source


def _unpack(source: LockedSource, place: Path, fetching: Fetching) -> Tree:
    """Unpack a source into a scratch folder and return its tree."""
    if source.kind == "sdist":
        return trees.Tree(archives.unpack(_fetched(source, fetching), source.filename, place) / source.subdirectory)
    if source.kind == "folder":
        return trees.copy(Path(source.place), place)
    if fetching.offline:
        raise BuildError(
            _("{package} comes from git and has not been built here before.").format(package=source.name),
            advice=_("Build once without --offline, with the same --cache-dir."),
        )
    check_out(source, place)
    return trees.Tree(place / source.subdirectory)


def _fetched(source: LockedSource, fetching: Fetching) -> Path:
    remote = Remote(source.filename, source.place, sha256(source.pin), source.size)
    fetch = fetching.download if source.place.startswith("file:") else fetching.files
    return fetch([remote], _("Fetching {file}").format(file=source.filename), jobs=1)[remote]


# checking and repacking the built wheel


def check(source: LockedSource, built: Path) -> None:
    """Raise BuildError if a wheel's name or version differs from the lockfile's; its metadata is read later."""
    try:
        name, version, _build, _tags = parse_wheel_filename(built.name)
    except InvalidWheelFilename as error:
        raise BuildError(
            _("The wheel built from {package} has a malformed file name: {file}.").format(
                package=source.name, file=built.name
            )
        ) from error
    if name != canonicalize_name(source.name) or (
        source.version and canonicalize_version(version) != canonicalize_version(source.version)
    ):
        raise BuildError(
            _("The lockfile has {package} {wanted}, but {found} was built.").format(
                package=source.name, wanted=source.version, found=f"{name} {version}"
            ),
            advice=_("Run `uv lock` again in the project folder."),
        )


def _pack_anew(built: Path, packed: Path) -> None:
    """Repack a wheel: the same files in the same order, but with fixed times and modes."""
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(packed, "w") as out:
        for info in source.infolist():
            member = zipfile.ZipInfo(info.filename, ZIP_TIME)
            member.create_system = 3  # Unix
            member.external_attr = (0o100755 if info.external_attr >> 16 & 0o100 else 0o100644) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(member, source.read(info))
