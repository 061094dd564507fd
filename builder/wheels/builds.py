"""Build wheels of packages that the lockfile lists as source, once each, in an isolated environment (PEP 517).

1. search the cache for a wheel built from the same source, by a key derived from everything that pins that source
2. unpack the archive, the commit or the folder's own files into a scratch folder
3. build the wheel with uv in an environment for this build only
4. check name and version, and cache the wheel, repacked with normalized timestamps and modes

A build runs the package's own code on this machine, as `uv sync` does too. A wheel with native code is compatible
only with the platform and Python that built it.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from builder.fetch.cache import HashMismatchError, sha256
from builder.fetch.partial import Remote
from builder.lock.gaps import Gap, MissingWheelsError
from builder.lock.locked import LockedWheel
from builder.project.checkout import source_commit
from builder.project.source import list_files
from builder.wheels import build_tools as wheel_tools
from bundle import digest
from bundle.target import host_target
from shared.errors import BuildError
from shared.files import files, temp_folders
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.fetch.cache import Cache
    from builder.fetch.fetching import Fetching
    from builder.lock.locked import LockedSource
    from builder.project.project import UvSettings
    from builder.wheels.build_tools import Workshop
    from bundle.target import Target

FORM = 1  # format version of the cached records; part of each key
RECORD_LIMIT = 4096  # bytes
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # of every member; a zip cannot store an earlier one


def build_wheels(sources: Sequence[LockedSource], target: Target, workshop: Workshop) -> list[LockedWheel]:
    """Return a wheel for each source, all compatible with a target.

    Raises MissingWheelsError if built wheels are compatible only with this machine, BuildError if a build fails.
    """
    wheels, gaps = [], []
    for source in sources:
        wheel = _cached_or_built(source, target, workshop)
        if fits(wheel.filename, target):
            wheels.append(wheel)
        else:
            tag = "-".join(wheel.filename.removesuffix(".whl").split("-")[-3:])
            reason = _(
                "a wheel built from source on this machine fits only {tag}; build on a machine of the target "
                "platform that has its Python version"
            ).format(tag=tag)
            gaps.append(Gap(source.name, wheel.version, reason))
    if gaps:
        raise MissingWheelsError(target, gaps)
    return wheels


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


def _cached_or_built(source: LockedSource, target: Target, workshop: Workshop) -> LockedWheel:
    python, fetching = wheel_tools.interpreter_for(target), workshop.fetching
    with temp_folders.scratch() as scratch:
        key = _key(source, workshop.settings)
        for kind in ("any", f"{host_target()}-{python.version}"):
            stored = _read_record(fetching, key, kind)
            if stored:
                return stored
        package = f"{source.name} {source.version}".rstrip()
        fetching.progress.step(_("Building {package} from source").format(package=package))
        unpacked = wheel_tools.Source(source, _unpack(source, scratch / "source", fetching))
        built = wheel_tools.build(unpacked, scratch / "out", python.path, workshop)
        _check(source, built)
        packed = scratch / built.name
        _pack_anew(built, packed)
        pure = built.name.endswith("-any.whl")
        return _keep(packed, fetching.cache, key, "any" if pure else f"{host_target()}-{python.version}")


def _key(source: LockedSource, settings: UvSettings) -> str:
    """Return the digest of everything that determines the built wheel: source, subfolder, build constraints."""
    pin: Any = source.pin
    if source.kind == "folder":
        folder = Path(source.place)
        pin = {path: digest.sha256_file(folder / path)[0] for path in list_files(folder)}
        pin[""] = source_commit(folder) or ""  # some build tools derive the version from the commit
    place = "" if source.kind != "git" else source.place.rpartition("@")[2]
    value = [FORM, source.kind, source.name, place, pin, source.subdirectory, list(settings.build_constraints)]
    return digest.sha256_bytes(json.dumps(value, sort_keys=True).encode())


def _record(cache: Cache, key: str, kind: str) -> Path:
    return cache.root / "built" / f"{key}-{kind}.json"


def _read_record(fetching: Fetching, key: str, kind: str) -> LockedWheel | None:
    """Return the wheel of a record, or None if there is no valid record or the wheel is not intact in the cache."""
    cache = fetching.cache
    try:
        with _record(cache, key, kind).open("rb") as file:
            value = json.loads(file.read(RECORD_LIMIT))
        wheel = _locked(value["filename"], cache, value["sha256"], value["size"])
        if cache.has(sha256(wheel.sha256), wheel.size):
            return wheel
    except HashMismatchError as error:
        fetching.progress.warn(error.what)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no usable record: the wheel is built again
    return None


def _locked(filename: str, cache: Cache, digest_hex: str, size: int) -> LockedWheel:
    name, version, _build, _tags = parse_wheel_filename(filename)
    return LockedWheel(filename, name, str(version), cache.path(sha256(digest_hex)).as_uri(), size, digest_hex)


def _keep(packed: Path, cache: Cache, key: str, kind: str) -> LockedWheel:
    digest_hex, size = digest.sha256_file(packed)
    cache.keep(sha256(digest_hex), packed)
    record = _record(cache, key, kind)
    value = {"filename": packed.name, "sha256": digest_hex, "size": size}
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(record, json.dumps(value).encode())
    except OSError as error:
        raise cache.unwritable(error) from error
    return _locked(packed.name, cache, digest_hex, size)


# unpacking a source


def _unpack(source: LockedSource, tree: Path, fetching: Fetching) -> Path:
    """Unpack a source into a scratch folder and return the archive or folder to build."""
    if source.kind == "sdist":
        return _unpack_archive(source, tree, fetching)
    if source.kind == "git":
        if fetching.offline:
            raise BuildError(
                _("{package} comes from git and has not been built here before.").format(package=source.name),
                advice=_("Build once without --offline, with the same --cache-dir."),
            )
        wheel_tools.check_out(source, tree)
    else:
        _copy_folder(Path(source.place), tree)
    return tree / source.subdirectory


def _unpack_archive(source: LockedSource, tree: Path, fetching: Fetching) -> Path:
    remote = Remote(source.filename, source.place, sha256(source.pin), source.size)
    fetch = fetching.download if source.place.startswith("file:") else fetching.files
    path = fetch([remote], _("Fetching {file}").format(file=source.filename), jobs=1)[remote]
    tree.mkdir()
    shutil.copyfile(path, tree / source.filename)
    return tree / source.filename


def _copy_folder(folder: Path, tree: Path) -> None:
    """Copy a folder's own files, so that a build neither changes the folder nor reads other files."""
    if not folder.is_dir():
        raise BuildError(
            _("{folder}, which the lockfile names, is not a folder.").format(folder=folder),
            advice=_("Put it back, or run `uv lock` again."),
        )
    for path in list_files(folder):
        copy = tree / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / path, copy)


# checking and repacking the built wheel


def _check(source: LockedSource, built: Path) -> None:
    """Raise BuildError if a wheel's name or version differs from the lockfile's."""
    try:
        name, version, _build, _tags = parse_wheel_filename(built.name)
    except InvalidWheelFilename as error:
        raise BuildError(
            _("The wheel built from {package} has a malformed file name: {file}.").format(
                package=source.name, file=built.name
            )
        ) from error
    if name != canonicalize_name(source.name) or (source.version and str(version) != source.version):
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
