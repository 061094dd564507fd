"""Fetch and inspect the wheels of a lockfile."""

from __future__ import annotations

import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name, canonicalize_version, parse_wheel_filename

from builder.fetch.cache import sha256
from builder.fetch.partial import Remote
from bundle.manifest import Package
from bundle.wheels import overlaps
from bundle.wheels.structure import inspect
from shared.errors import BuildError, TrustError
from shared.files.zips import BROKEN, readable
from shared.i18n import _, plural
from shared.terminal.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from email.message import Message
    from pathlib import Path

    from builder.fetch.fetching import Fetching
    from builder.lock.locked import LockedWheel
    from bundle.target import Target
    from bundle.wheels.sizes import Unpacked

JOBS = 8  # downloads at a time
METADATA_LIMIT = 4 << 20  # bytes
LICENSE_LIMIT = 100  # characters; a longer License field contains the license text, not a name


@dataclass(frozen=True)
class WheelFacts:
    """A summary of a wheel's contents: its unpacked size, its license and its longest path.

    ``licence`` is as the wheel declares it, or None if it declares none.
    """

    unpacked: Unpacked
    licence: str | None
    longest: str = field(default="", compare=False)


def fetch_wheels(wheels: Sequence[LockedWheel], fetching: Fetching) -> dict[LockedWheel, Path]:
    """Return the path of each wheel in the cache, fetching those that are missing.

    Raises BuildError if a wheel is not available or does not match the lockfile.
    """
    remotes = {wheel: Remote(wheel.filename, wheel.url, sha256(wheel.sha256), wheel.size) for wheel in wheels}
    paths = fetching.files(list(remotes.values()), _("Fetching wheels"), jobs=JOBS)
    return {wheel: paths[remote] for wheel, remote in remotes.items()}


def wheel_facts(path: Path, wheel: LockedWheel) -> WheelFacts:
    """Return a summary of a wheel's contents.

    Raises BuildError if the zip is damaged, or its metadata names another package or version.
    """
    name, version, _build, _tags = parse_wheel_filename(wheel.filename)
    try:
        with readable(path), zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            metadata = _read_metadata(archive, members, wheel)
        _require_own(metadata, wheel)
        unpacked = inspect(path, Package(name, str(version), wheel.filename, None))  # the same inspection as on hosts
    except BROKEN as error:
        raise _refused(wheel, _("it is not a readable zip ({reason})").format(reason=error)) from error
    except TrustError as error:
        raise _refused(wheel, error.what.partition(": ")[2].rstrip(".")) from error
    longest = max((info.filename for info in members), key=len)
    return WheelFacts(unpacked, _license(metadata), longest)


def require_apart(wheels: Iterable[tuple[Path, str]], target: Target) -> None:
    """Raise BuildError if two wheels, each (path, name), install conflicting files: hosts would reject them."""
    with as_build_error():
        overlaps.require_none(wheels, target.python, platform=target.platform)


@contextmanager
def as_build_error() -> Iterator[None]:
    """Convert the error of hosts for wheels that cannot be installed together to one for the builder's user."""
    try:
        yield
    except TrustError as error:
        raise BuildError(error.what, advice=_("Remove one of the packages, or lock other versions.")) from error


def _require_own(metadata: Message, wheel: LockedWheel) -> None:
    name, version = metadata.get("Name", ""), metadata.get("Version", "")
    expected = parse_wheel_filename(wheel.filename)
    if canonicalize_name(name) != expected[0] or canonicalize_version(version) != canonicalize_version(expected[1]):
        raise _refused(wheel, _("its metadata says {name} {version}").format(name=repr(name), version=repr(version)))


def _read_metadata(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], wheel: LockedWheel) -> Message:
    found = [info for info in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", info.filename)]
    if len(found) != 1:
        raise _refused(
            wheel,
            plural("it has {count} METADATA file", "it has {count} METADATA files", len(found)).format(
                count=len(found)
            ),
        )
    if found[0].file_size > METADATA_LIMIT:
        raise _refused(wheel, _("its METADATA is larger than {limit} bytes").format(limit=METADATA_LIMIT))
    return HeaderParser().parsestr(archive.read(found[0]).decode("utf-8", "replace"))


def _refused(wheel: LockedWheel, reason: str) -> BuildError:
    return BuildError(
        _("{file} is not a valid wheel of {name} {version}: {reason}.").format(
            file=wheel.filename, name=wheel.name, version=wheel.version, reason=reason
        ),
        advice=_("Lock another version of {name}, and report it to its maintainers.").format(name=wheel.name),
    )


def _license(metadata: Message) -> str | None:
    """Return the License-Expression (PEP 639), else a short License field, else the classifiers' names, or None."""
    for name in ("License-Expression", "License"):
        text = " ".join(printable(str(metadata.get(name, ""))).split())
        if text and text.upper() != "UNKNOWN" and len(text) <= LICENSE_LIMIT:
            return text
    classifiers = [str(value) for value in metadata.get_all("Classifier", [])]
    named = [printable(value).rpartition(" :: ")[2] for value in classifiers if value.startswith("License :: ")]
    return " AND ".join(sorted(set(named) - {"OSI Approved"})) or None
