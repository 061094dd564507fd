"""Checks of a wheel's structure before uv reads it, because installers accept hostile wheels.

A wheel must be an unambiguous zip (container.py) without unsafe entry points; its package must be the one in its file
name and in the manifest, and its RECORD must list exactly its members, each with a digest. Contents
are compared with RECORD on the installed tree (record.py); ``contradiction`` then determines whether the wheel was at
fault.
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import re
import struct
import zipfile
from contextlib import contextmanager
from email.parser import HeaderParser
from typing import TYPE_CHECKING, TypeVar

from bundle.digest import BLOCK
from bundle.reading.medium import damaged
from bundle.wheels import container, record, sizes
from shared import reading
from shared.errors import InstallError, ToolError, TrustError
from shared.files.zips import BROKEN, readable
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from bundle.manifest import Package

T = TypeVar("T")
ENTRY_POINTS_LIMIT = 1 << 20  # bytes
RECORD_LIMIT = 64 << 20  # bytes
METADATA_LIMIT = 4 << 20  # bytes
WHEEL_LIMIT = 1 << 20  # bytes
_UNSIGNED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")  # the only files without a digest (PEP 427)
_INFO = ".dist-info"
_IN_INFO = re.compile(r"[^/]*\.dist-info/")
_SCRIPT = re.compile(r"[A-Za-z0-9_.+-]+")
# module:function, followed by extras in older wheels (PyPA: entry points specification)
_FUNCTION = re.compile(r"[\w.]+ *: *[\w.]+ *(\[.*\])?")
_OWN = re.compile(rf"(?i){container.PYTHON}")
_WHEEL_VERSION = re.compile(r"1\.[0-9]{1,3}")  # accepted by installers (PEP 427: a greater major version is refused)


def inspect(path: Path, package: Package) -> sizes.Unpacked:
    """Return a wheel's unpacked totals. Raises TrustError with its name if its structure could mislead an installer."""
    name = package.wheel

    def check(wheel: zipfile.ZipFile) -> sizes.Unpacked:
        container.check_directory(wheel, name)
        container.check_members(wheel, name)
        container.check_layout(wheel, name)
        _check_package(wheel, package)
        _check_metadata(wheel, package)
        _check_record(wheel, name)
        _check_entry_points(wheel, name)
        return sizes.of_wheel(wheel)

    return _read(path, name, check)


def unpacked(path: Path, name: str) -> sizes.Unpacked:
    """Return a wheel's unpacked totals from its central directory alone. Raises TrustError if a member is not valid."""

    def inspect(wheel: zipfile.ZipFile) -> sizes.Unpacked:
        container.check_members(wheel, name)
        return sizes.of_wheel(wheel)

    return _read(path, name, inspect)


def contradiction(path: Path, name: str) -> TrustError | None:
    """Return the error if a wheel's members differ from its RECORD, so that it cannot be installed, or None.

    Every member is unpacked and hashed, so this is called only after a failure.
    """
    try:
        _read(path, name, lambda wheel: _check_contents(wheel, name))
    except TrustError as error:
        return error
    return None


@contextmanager
def blamed(wheels: Iterable[tuple[Path, str]]) -> Iterator[None]:
    """Run a block; if it raises ToolError or InstallError, find out whether a wheel, (path, name), was the cause.

    Raises TrustError if a wheel contradicts its RECORD, otherwise the original error.
    """
    try:
        yield
    except (ToolError, InstallError) as error:
        for path, name in wheels:
            found = contradiction(path, name)
            if found is not None:
                raise found from error
        raise


def _read(path: Path, name: str, look: Callable[[zipfile.ZipFile], T]) -> T:
    # IndexError, struct.error: a central directory with false lengths, on some versions of Python
    try:
        with readable(path), reading.opened(path) as file, zipfile.ZipFile(file) as wheel:
            return look(wheel)
    except (*BROKEN, UnicodeError, csv.Error, IndexError, struct.error) as error:
        raise damaged(name, _("not a readable wheel: {reason}").format(reason=error)) from error


def _check_package(wheel: zipfile.ZipFile, package: Package) -> None:
    """Refuse a wheel of another package or version than the manifest's, or of more than one package."""
    found = {member.split("/")[0][: -len(_INFO)] for member in wheel.namelist() if _IN_INFO.match(member)}
    for name, _dash, version in (info.partition("-") for info in found):
        if (record.normalised(name), record.plain_version(version)) != (package.name, package.version):
            reason = _("is a wheel of {found}, not of {name} {version}")
            found_text = f"{name} {version}"[:200]
            raise damaged(package.wheel, reason.format(found=found_text, name=package.name, version=package.version))
    if len(found) != 1:
        raise damaged(package.wheel, _("contains more than one package"))


def _check_metadata(wheel: zipfile.ZipFile, package: Package) -> None:
    """Refuse a wheel whose file name or METADATA names another package, or whose WHEEL has an unsupported format."""
    name, (info,) = package.wheel, {member.split("/")[0] for member in wheel.namelist() if _IN_INFO.match(member)}
    metadata = _read_member(wheel, f"{info}/METADATA", METADATA_LIMIT, name)
    reported = HeaderParser().parsestr(metadata.decode("utf-8", "replace"))
    for title, version in (
        (str(reported.get("Name", "")).strip(), str(reported.get("Version", "")).strip()),
        named(name),
    ):
        if (record.normalised(title), record.plain_version(version)) != (package.name, package.version):
            found, reason = f"{title} {version}"[:200], _("is a wheel of {found}, not of {name} {version}")
            raise damaged(name, reason.format(found=found, name=package.name, version=package.version))
    form = HeaderParser().parsestr(_read_member(wheel, f"{info}/WHEEL", WHEEL_LIMIT, name).decode("utf-8"))
    pure = str(form.get("Root-Is-Purelib", "")).strip().lower()
    if not _WHEEL_VERSION.fullmatch(str(form.get("Wheel-Version", "")).strip()) or pure not in ("true", "false"):
        raise damaged(name, _("WHEEL has an unsupported format"))


def named(name: str) -> tuple[str, str]:
    """Return the package and the version in a wheel's file name. Raises TrustError if the name is not valid."""
    from packaging.utils import parse_wheel_filename

    try:
        title, version, _build, _tags = parse_wheel_filename(name.rpartition("/")[2])
    except ValueError as error:  # InvalidWheelFilename, or more digits than int() accepts
        raise damaged(name, _("not a valid wheel file name")) from error
    return title, str(version)


def _read_member(wheel: zipfile.ZipFile, member: str, limit: int, name: str) -> bytes:
    try:
        info = wheel.getinfo(member)
    except KeyError as error:
        raise damaged(name, _("has no {member}").format(member=member.rpartition("/")[2])) from error
    if info.file_size > limit:
        raise damaged(name, _("{member} is too large").format(member=member.rpartition("/")[2]))
    return wheel.read(info)


def _check_contents(wheel: zipfile.ZipFile, name: str) -> None:
    listed = next(file for file in wheel.namelist() if _UNSIGNED.fullmatch(file) and file.endswith("RECORD"))
    for path, reported, *_size in filter(None, csv.reader(wheel.read(listed).decode("utf-8").splitlines())):
        found = hashlib.sha256()
        with wheel.open(path) as member:
            for block in iter(lambda: member.read(BLOCK), b""):
                found.update(block)
        digest = base64.urlsafe_b64encode(found.digest()).rstrip(b"=").decode()
        if not _UNSIGNED.fullmatch(path) and reported.partition("=")[2].rstrip("=") != digest:
            raise damaged(name, _("{member!r} does not match RECORD").format(member=path[:200]))


def _check_record(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse a RECORD with duplicate or missing files, and members that it does not list with a digest."""
    files = {member.filename: member for member in wheel.infolist() if not member.is_dir()}
    record = next(file for file in files if _UNSIGNED.fullmatch(file) and file.endswith("RECORD"))
    if files[record].file_size > RECORD_LIMIT:
        raise damaged(name, _("RECORD is too large"))
    rows = [row for row in csv.reader(wheel.read(record).decode("utf-8").splitlines()) if row]
    listed = {row[0] for row in rows}
    if len(listed) != len(rows):
        raise damaged(name, _("duplicate entry in RECORD"))
    for path, *digest in rows:
        if path not in files:
            raise damaged(name, _("{member!r} is listed in RECORD but missing").format(member=path[:200]))
        if not _UNSIGNED.fullmatch(path) and not (digest and digest[0].startswith("sha256=")):
            raise damaged(name, _("{member!r} has no SHA-256 in RECORD").format(member=path[:200]))
    for path in files:
        if path not in listed and not _UNSIGNED.fullmatch(path):
            raise damaged(name, _("{member!r} is not listed in RECORD").format(member=path[:200]))


def _check_entry_points(wheel: zipfile.ZipFile, name: str) -> None:
    for member in wheel.infolist():
        if not member.filename.endswith(".dist-info/entry_points.txt") or member.filename.count("/") != 1:
            continue
        if member.file_size > ENTRY_POINTS_LIMIT:
            raise damaged(name, _("entry points file is too large"))
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[method-assign, assignment]
        try:
            parser.read_string(wheel.read(member).decode("utf-8"))
        except configparser.Error as error:
            raise damaged(name, _("cannot read the entry points")) from error
        for section in ("console_scripts", "gui_scripts"):
            for script in parser.options(section) if parser.has_section(section) else ():
                if not _SCRIPT.fullmatch(script) or script in (".", "..") or _OWN.fullmatch(script):
                    raise damaged(name, _("entry point {script!r} has an unsafe name").format(script=script[:80]))
                if not _FUNCTION.fullmatch(parser.get(section, script)):
                    raise damaged(name, _("entry point {script!r} does not name a function").format(script=script[:80]))
