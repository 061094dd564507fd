"""The structure of a wheel, looked at before uv sees it, because installers take hostile ones.

From the central directory: no member that is doubled, escapes, or unpacks to more than it may, no
entry point that escapes; it is the package that the manifest says, and its RECORD names every member
with a digest, and nothing else. Contents are compared with RECORD on the installed tree (record.py).
"""

from __future__ import annotations

import configparser
import csv
import re
import zipfile
from typing import TYPE_CHECKING

from bootstrap import record
from bootstrap.bundle import names
from bootstrap.bundle.archive import damaged
from bootstrap.bundle.zips import BROKEN
from bootstrap.i18n import _, plural

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.bundle.manifest import Package

MEMBERS_LIMIT = 100_000
RATIO_LIMIT = 1100  # deflate can't do better than 1032:1 (zlib's technical details); more is a lie
UNPACKED_LIMIT = 16 << 30  # bytes
ENTRY_POINTS_LIMIT = 1 << 20  # bytes
RECORD_LIMIT = 64 << 20  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # uv reads more, which zip bombs need
_ENCRYPTED = 0x2041  # flags of encryption (APPNOTE 4.4.4)
_UNSIGNED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")  # the only files without a digest (PEP 427)
_INFO = ".dist-info"
_IN_INFO = re.compile(r"[^/]*\.dist-info/")
_SCRIPT = re.compile(r"[A-Za-z0-9_.+-]+")
_INTERPRETER = re.compile(r"(?i)[^/]+\.data/(scripts/python[^/]*|data/((bin|scripts)/python[^/]*|pyvenv\.cfg))")


def inspect(path: Path, package: Package) -> None:
    """Raise TrustError, naming the wheel, when its structure could mislead an installer."""
    name = package.wheel
    try:
        with zipfile.ZipFile(path) as wheel:
            _check_members(wheel, name)
            _check_package(wheel, package)
            _check_record(wheel, name)
            _check_entry_points(wheel, name)
    except (*BROKEN, UnicodeDecodeError, csv.Error) as error:
        raise damaged(name, _("not a readable wheel: {reason}").format(reason=error)) from error


def _check_members(wheel: zipfile.ZipFile, name: str) -> None:
    members = wheel.infolist()
    if not 0 < len(members) <= MEMBERS_LIMIT:
        raise damaged(
            name, plural("it holds {count} file", "it holds {count} files", len(members)).format(count=len(members))
        )
    files = [member.filename for member in members if not member.is_dir()]
    if len(set(files)) != len(files):
        raise damaged(name, _("a file stands in it twice"))
    for member in members:
        _check_member(member, name)
    if sum(member.file_size for member in members) > UNPACKED_LIMIT:
        raise damaged(name, _("it unpacks to too much"))
    if sum(file.endswith(".dist-info/RECORD") and file.count("/") == 1 for file in files) != 1:
        raise damaged(name, _("it has not exactly one RECORD"))
    clash = names.collision(files)
    if clash and clash[0] != clash[1]:
        raise damaged(name, _("{first} and {second} meet on some hosts").format(first=clash[0], second=clash[1]))


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    written = member.orig_filename  # zipfile ends the other at a NUL, and turns backslashes on Windows
    parts = written.rstrip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\\x00-\x1f\x7f]|^[A-Za-z]:", written):
        raise damaged(name, _("{member!r} leads out of it").format(member=written[:200]))
    trouble = names.too_far(written)
    if trouble:
        raise damaged(name, _("{member!r} is {reason}").format(member=written[:80], reason=trouble))
    if _INTERPRETER.fullmatch(written):
        raise damaged(name, _("{member!r} would replace the interpreter").format(member=written[:200]))
    if (member.external_attr >> 16) & 0o170000 not in (0, 0o100000, 0o040000):
        raise damaged(name, _("{member!r} is a link or a device").format(member=member.filename[:200]))
    if member.compress_type not in METHODS or member.flag_bits & _ENCRYPTED:
        raise damaged(name, _("{member!r} is packed in a way that wheels don't use").format(member=written[:200]))
    if member.file_size > RATIO_LIMIT * max(member.compress_size, 1) + 1024:
        raise damaged(name, _("{member!r} unpacks to more than it can").format(member=member.filename[:200]))


def _check_package(wheel: zipfile.ZipFile, package: Package) -> None:
    """Refuse a wheel of another package or version than the manifest says, or of more than one."""
    found = {member.split("/")[0][: -len(_INFO)] for member in wheel.namelist() if _IN_INFO.match(member)}
    for name, _dash, version in (info.partition("-") for info in found):
        if (record.normalised(name), record.plain_version(version)) != (package.name, package.version):
            reason = _("it is of {found}, not of {name} {version}")
            found_text = f"{name} {version}"[:200]
            raise damaged(package.wheel, reason.format(found=found_text, name=package.name, version=package.version))


def _check_record(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse what RECORD leaves out: bytecode that nobody compiled, files outside, files without a digest."""
    files = {member.filename: member for member in wheel.infolist() if not member.is_dir()}
    record = next(file for file in files if _UNSIGNED.fullmatch(file) and file.endswith("RECORD"))
    if files[record].file_size > RECORD_LIMIT:
        raise damaged(name, _("its RECORD is too long"))
    rows = [row for row in csv.reader(wheel.read(record).decode("utf-8").splitlines()) if row]
    listed = {row[0] for row in rows}
    if len(listed) != len(rows):
        raise damaged(name, _("a file stands in its RECORD twice"))
    for path, *digest in rows:
        if path not in files:
            raise damaged(name, _("{member!r} is in its RECORD and not in it").format(member=path[:200]))
        if not _UNSIGNED.fullmatch(path) and not (digest and digest[0].startswith("sha256=")):
            raise damaged(name, _("{member!r} has no SHA-256 in its RECORD").format(member=path[:200]))
    for path in files:
        if path not in listed and not _UNSIGNED.fullmatch(path):
            raise damaged(name, _("{member!r} is not in its RECORD").format(member=path[:200]))


def _check_entry_points(wheel: zipfile.ZipFile, name: str) -> None:
    for member in wheel.infolist():
        if not member.filename.endswith(".dist-info/entry_points.txt") or member.filename.count("/") != 1:
            continue
        if member.file_size > ENTRY_POINTS_LIMIT:
            raise damaged(name, _("its entry points are too long"))
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[method-assign, assignment]
        try:
            parser.read_string(wheel.read(member).decode("utf-8"))
        except configparser.Error as error:
            raise damaged(name, _("its entry points can't be read")) from error
        for section in ("console_scripts", "gui_scripts"):
            for script in parser.options(section) if parser.has_section(section) else ():
                if not _SCRIPT.fullmatch(script) or script in (".", "..") or script.lower().startswith("python"):
                    raise damaged(name, _("the entry point {script!r} leads out of it").format(script=script[:80]))
