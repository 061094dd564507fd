"""The structure of a wheel, inspected before uv sees it, because installers take hostile ones.

From the central directory: no member that is doubled, escapes, or unpacks to more than it may, no
entry point that escapes; it is the package that its name and the manifest say, and its RECORD names
every member with a digest, and nothing else. The headers before the members say the same, and no two
members share bytes. Contents are compared with RECORD on the installed tree (record.py); ``contradiction``
determines afterwards whether the wheel was at fault.
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
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from bundle import names
from bundle.archive import damaged
from bundle.digest import BLOCK
from bundle.manifest import NAME
from bundle.wheels import record
from shared import reading
from shared.errors import InstallError, ToolError, TrustError
from shared.files.zips import BROKEN, readable
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import Message
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest, Package

T = TypeVar("T")
MEMBERS_LIMIT = 100_000
RATIO_LIMIT = 1100  # deflate can't do better than 1032:1 (zlib's technical details); more is a lie
# what a release may take more than its manifest says: older builders counted a little less
PROMISE_SHARE, PROMISE_BYTES, PROMISE_FILES = 0.1, 16 << 20, 500
LAID_KINDS = ("source", "script", "interpreter")  # of files that a release has besides those of wheels
UNPACKED_LIMIT = 16 << 30  # bytes
ENTRY_POINTS_LIMIT = 1 << 20  # bytes
RECORD_LIMIT = 64 << 20  # bytes
METADATA_LIMIT = 4 << 20  # bytes
WHEEL_LIMIT = 1 << 20  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # uv reads more, which zip bombs need
_ENCRYPTED = 0x2041  # flags of encryption (APPNOTE 4.4.4)
_UNSIGNED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")  # the only files without a digest (PEP 427)
_INFO = ".dist-info"
_IN_INFO = re.compile(r"[^/]*\.dist-info/")
_SCRIPT = re.compile(r"[A-Za-z0-9_.+-]+")
_PYTHON = r"pythonw?[0-9.]*[tdm]?(\.exe)?"  # what an environment's interpreter may be called
# module:function, with extras of older wheels behind it (PyPA: entry points specification)
_FUNCTION = re.compile(r"[\w.]+ *: *[\w.]+ *(\[.*\])?")
_OWN = re.compile(rf"(?i){_PYTHON}")
_INTERPRETER = re.compile(rf"(?i)[^/]+\.data/(scripts/{_PYTHON}|data/((bin|scripts)/{_PYTHON}|pyvenv\.cfg))")
_WHEEL_VERSION = re.compile(r"1\.[0-9]{1,3}")  # what installers take (PEP 427: a greater major version is refused)
# signature, flags, method, CRC, sizes, lengths of name and extra field (APPNOTE 4.3.7)
_LOCAL = struct.Struct("<4s2xHH4xLLLHH")
_CENTRAL = struct.Struct("<28x3H12x")  # lengths of name, extra field and comment (APPNOTE 4.3.12)
_ENDS = (b"PK\5\6", b"PK\6\6")  # what may follow the directory: its end, or that of a large file
_LARGE = struct.Struct("<HHQQ")  # the extra field of a large file: both sizes (APPNOTE 4.5.3)
_LATER, _LONG = 0x8, 0xFFFFFFFF  # CRC and sizes follow the file; a size is in the extra field


class Unpacked(NamedTuple):
    """What a wheel's central directory says that it comes to: bytes and number of files."""

    bytes: int
    files: int


NOTHING = Unpacked(0, 0)


def inspect(path: Path, package: Package) -> Unpacked:
    """Raise TrustError, naming the wheel, when its structure could mislead an installer; return what it comes to."""
    name = package.wheel

    def look(wheel: zipfile.ZipFile) -> Unpacked:
        _check_directory(wheel, name)
        _check_members(wheel, name)
        _check_layout(wheel, name)
        _check_package(wheel, package)
        _check_metadata(wheel, package)
        _check_record(wheel, name)
        _check_entry_points(wheel, name)
        return _sizes(wheel)

    return _read(path, name, look)


def unpacked(path: Path, name: str) -> Unpacked:
    """Return what a wheel comes to, by its central directory alone. Raises TrustError for one that is not right."""

    def look(wheel: zipfile.ZipFile) -> Unpacked:
        _check_members(wheel, name)
        return _sizes(wheel)

    return _read(path, name, look)


def contradiction(path: Path, name: str) -> TrustError | None:
    """Return why a wheel cannot be installed whoever tries it: its members are not what it says; None for a right one.

    Every member is unpacked and hashed, so this is asked only once something has gone wrong.
    """
    try:
        _read(path, name, lambda wheel: _check_contents(wheel, name))
    except TrustError as error:
        return error
    return None


def installed(files: Iterable[FileEntry], wheels: Iterable[Unpacked]) -> Unpacked:
    """Return what a release comes to, by the files of its bundle and what its wheels come to; no model is in it."""
    laid = [Unpacked(entry.size, 1) for entry in files if entry.kind in LAID_KINDS]
    parts = [*laid, *wheels]
    return Unpacked(sum(part.bytes for part in parts), sum(part.files for part in parts))


def demand_promise(manifest: Manifest, wheels: Iterable[Unpacked]) -> None:
    """Raise TrustError for a manifest that says less than its release comes to: preflight has believed it."""
    found = installed(manifest.files, wheels)
    most = Unpacked(
        int(manifest.installed_bytes * (1 + PROMISE_SHARE)) + PROMISE_BYTES,
        int(manifest.installed_files * (1 + PROMISE_SHARE)) + PROMISE_FILES,
    )
    if found.bytes > most.bytes or found.files > most.files:
        reason = _("declares {bytes} bytes in {files} files, but its wheels unpack to {more} bytes in {count}").format(
            bytes=manifest.installed_bytes, files=manifest.installed_files, more=found.bytes, count=found.files
        )
        raise damaged(f"{NAME}.totals", reason)


@contextmanager
def blamed(wheels: Iterable[tuple[Path, str]]) -> Iterator[None]:
    """Let a failure in this block be reported for the wheel that caused it, where one of these (path, name) did.

    Raises TrustError for a wheel that is not what it says, else what the block raised.
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
    # IndexError, struct.error: a central directory whose lengths lie, on some Pythons
    try:
        with readable(path), reading.opened(path) as file, zipfile.ZipFile(file) as wheel:
            return look(wheel)
    except (*BROKEN, UnicodeError, csv.Error, IndexError, struct.error) as error:
        raise damaged(name, _("not a readable wheel: {reason}").format(reason=error)) from error


def _sizes(wheel: zipfile.ZipFile) -> Unpacked:
    files = [member for member in wheel.infolist() if not member.is_dir()]
    return Unpacked(sum(member.file_size for member in files), len(files))


def _check_directory(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse a directory whose entries are not as long as it is: zipfile reads on, and others stop."""
    file, end = wheel.fp, wheel.start_dir
    assert file is not None  # it is open
    for _member in wheel.infolist():
        file.seek(end)
        end += _CENTRAL.size + sum(_CENTRAL.unpack(file.read(_CENTRAL.size)))
    file.seek(end)
    if file.read(4) not in _ENDS:
        raise damaged(name, _("central directory has the wrong length"))


def _check_members(wheel: zipfile.ZipFile, name: str) -> None:
    members = wheel.infolist()
    if not 0 < len(members) <= MEMBERS_LIMIT:
        raise damaged(
            name, plural("contains {count} file", "contains {count} files", len(members)).format(count=len(members))
        )
    files = [member.filename for member in members if not member.is_dir()]
    if len(set(files)) != len(files):
        raise damaged(name, _("duplicate file name"))
    for member in members:
        _check_member(member, name)
    if sum(member.file_size for member in members) > UNPACKED_LIMIT:
        raise damaged(name, _("unpacked size exceeds the limit"))
    if sum(file.endswith(".dist-info/RECORD") and file.count("/") == 1 for file in files) != 1:
        raise damaged(name, _("does not have exactly one RECORD"))
    clash = names.collision(files)
    if clash and clash[0] != clash[1]:
        raise damaged(name, _("{first} and {second} collide on some hosts").format(first=clash[0], second=clash[1]))


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    written = member.orig_filename  # zipfile ends the other at a NUL, and turns backslashes on Windows
    parts = written.rstrip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\\x00-\x1f\x7f]|^[A-Za-z]:", written):
        raise damaged(name, _("{member!r} is an unsafe path").format(member=written[:200]))
    trouble = names.too_far(written)
    if trouble:
        raise damaged(name, _("{member!r} is {reason}").format(member=written[:80], reason=trouble))
    if member.filename != written:  # an extra field of its own gives it another name, for some readers
        raise damaged(name, _("{member!r} has two different names").format(member=written[:200]))
    if _INTERPRETER.fullmatch(written):
        raise damaged(name, _("{member!r} would replace the interpreter").format(member=written[:200]))
    if (member.external_attr >> 16) & 0o170000 not in (0, 0o100000, 0o040000):
        raise damaged(name, _("{member!r} is a link or a device").format(member=member.filename[:200]))
    if member.compress_type not in METHODS or member.flag_bits & _ENCRYPTED:
        raise damaged(name, _("{member!r} is packed with an unsupported method").format(member=written[:200]))
    if member.file_size > RATIO_LIMIT * max(member.compress_size, 1) + 1024:
        raise damaged(name, _("{member!r} has an impossible compression ratio").format(member=member.filename[:200]))


def _check_layout(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse a member whose own header says something else than the directory, or whose bytes are another's too."""
    file, end = wheel.fp, 0
    for member in sorted(wheel.infolist(), key=lambda member: member.header_offset):
        assert file is not None  # it is open
        file.seek(member.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            raise damaged(
                name,
                _("local header of {member!r} does not match the central directory").format(
                    member=member.filename[:200]
                ),
            )
        signature, flags, method, crc, packed, size, length, extra = _LOCAL.unpack(header)
        written = file.read(length).decode("utf-8" if member.flag_bits & 0x800 else "cp437", "replace")
        same = (signature, method, written) == (b"PK\3\4", member.compress_type, member.orig_filename)
        longer = file.read(extra)
        if not flags & _LATER:
            same &= crc == member.CRC and packed in (member.compress_size, _LONG) and size in (member.file_size, _LONG)
            same &= _LONG not in (packed, size) or _LARGE.pack(1, 16, member.file_size, member.compress_size) in longer
        if not same:
            raise damaged(
                name,
                _("local header of {member!r} does not match the central directory").format(
                    member=member.filename[:200]
                ),
            )
        if member.header_offset < end:
            raise damaged(name, _("{member!r} overlaps another file").format(member=member.filename[:200]))
        end = member.header_offset + _LOCAL.size + length + extra + member.compress_size
    if end > wheel.start_dir:
        raise damaged(name, _("file data overlaps the central directory"))


def _check_package(wheel: zipfile.ZipFile, package: Package) -> None:
    """Refuse a wheel of another package or version than the manifest says, or of more than one."""
    found = {member.split("/")[0][: -len(_INFO)] for member in wheel.namelist() if _IN_INFO.match(member)}
    for name, _dash, version in (info.partition("-") for info in found):
        if (record.normalised(name), record.plain_version(version)) != (package.name, package.version):
            reason = _("is a wheel of {found}, not of {name} {version}")
            found_text = f"{name} {version}"[:200]
            raise damaged(package.wheel, reason.format(found=found_text, name=package.name, version=package.version))
    if len(found) != 1:
        raise damaged(package.wheel, _("contains more than one package"))


def _check_metadata(wheel: zipfile.ZipFile, package: Package) -> None:
    """Refuse a wheel whose file name or METADATA names another package, or with a WHEEL that no installer takes."""
    name, (info,) = package.wheel, {member.split("/")[0] for member in wheel.namelist() if _IN_INFO.match(member)}
    told = _headers(wheel, f"{info}/METADATA", METADATA_LIMIT, name, "replace")
    for title, version in (
        (str(told.get("Name", "")).strip(), str(told.get("Version", "")).strip()),
        named(name),
    ):
        if (record.normalised(title), record.plain_version(version)) != (package.name, package.version):
            found, reason = f"{title} {version}"[:200], _("is a wheel of {found}, not of {name} {version}")
            raise damaged(name, reason.format(found=found, name=package.name, version=package.version))
    form = _headers(wheel, f"{info}/WHEEL", WHEEL_LIMIT, name)
    pure = str(form.get("Root-Is-Purelib", "")).strip().lower()
    if not _WHEEL_VERSION.fullmatch(str(form.get("Wheel-Version", "")).strip()) or pure not in ("true", "false"):
        raise damaged(name, _("WHEEL has an unsupported format"))


def named(name: str) -> tuple[str, str]:
    """Return the package and the version in a wheel's file name. Raises TrustError for a name without them."""
    from packaging.utils import parse_wheel_filename

    try:
        title, version, _build, _tags = parse_wheel_filename(name.rpartition("/")[2])
    except ValueError as error:  # InvalidWheelFilename, or more digits than Python reads
        raise damaged(name, _("not a valid wheel file name")) from error
    return title, str(version)


def _headers(wheel: zipfile.ZipFile, member: str, limit: int, name: str, errors: str = "strict") -> Message:
    try:
        info = wheel.getinfo(member)
    except KeyError as error:
        raise damaged(name, _("has no {member}").format(member=member.rpartition("/")[2])) from error
    if info.file_size > limit:
        raise damaged(name, _("{member} is too large").format(member=member.rpartition("/")[2]))
    return HeaderParser().parsestr(wheel.read(info).decode("utf-8", errors))


def _check_contents(wheel: zipfile.ZipFile, name: str) -> None:
    listed = next(file for file in wheel.namelist() if _UNSIGNED.fullmatch(file) and file.endswith("RECORD"))
    for path, told, *_size in filter(None, csv.reader(wheel.read(listed).decode("utf-8").splitlines())):
        found = hashlib.sha256()
        with wheel.open(path) as member:
            for block in iter(lambda: member.read(BLOCK), b""):
                found.update(block)
        digest = base64.urlsafe_b64encode(found.digest()).rstrip(b"=").decode()
        if not _UNSIGNED.fullmatch(path) and told.partition("=")[2].rstrip("=") != digest:
            raise damaged(name, _("{member!r} does not match RECORD").format(member=path[:200]))


def _check_record(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse what RECORD leaves out: bytecode that nobody compiled, files outside, files without a digest."""
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
