"""Checks of a wheel as a zip: its central directory and its local headers must agree, and contain nothing unsafe.

No member is a duplicate, escapes the target folder, or exceeds the limits when unpacked, and no two share bytes.
"""

from __future__ import annotations

import re
import struct
import zipfile

from bundle import names
from bundle.reading.medium import damaged
from shared.i18n import _

MEMBERS_LIMIT = 100_000
RATIO_LIMIT = 1100  # deflate cannot exceed 1032:1 (zlib's technical details); a higher ratio is false
UNPACKED_LIMIT = 16 << 30  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # uv supports more, which zip bombs rely on
_ENCRYPTED = 0x2041  # flags of encryption (APPNOTE 4.4.4)
PYTHON = r"pythonw?[0-9.]*[tdm]?(\.exe)?"  # possible names of an environment's interpreter
_INTERPRETER = re.compile(rf"(?i)[^/]+\.data/(scripts/{PYTHON}|data/((bin|scripts)/{PYTHON}|pyvenv\.cfg))")
# signature, flags, method, CRC, sizes, lengths of name and extra field (APPNOTE 4.3.7)
_LOCAL = struct.Struct("<4s2xHH4xLLLHH")
_CENTRAL = struct.Struct("<28x3H12x")  # lengths of name, extra field and comment (APPNOTE 4.3.12)
_ENDS = (b"PK\5\6", b"PK\6\6")  # possible records after the directory: its end, or that of Zip64
_LARGE = struct.Struct("<HHQQ")  # the Zip64 extra field: both sizes (APPNOTE 4.5.3)
_LATER, _LONG = 0x8, 0xFFFFFFFF  # CRC and sizes follow the file; a size is in the extra field


def check_directory(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse a directory longer or shorter than its entries: zipfile would read on where other readers stop."""
    file, end = wheel.fp, wheel.start_dir
    assert file is not None  # the wheel is open
    for _member in wheel.infolist():
        file.seek(end)
        end += _CENTRAL.size + sum(_CENTRAL.unpack(file.read(_CENTRAL.size)))
    file.seek(end)
    if file.read(4) not in _ENDS:
        raise damaged(name, _("central directory has the wrong length"))


def check_members(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse members that are duplicates, collide, are unsafe by themselves, or exceed the limits when unpacked.

    There must be exactly one RECORD.
    """
    members = wheel.infolist()
    if not 0 < len(members) <= MEMBERS_LIMIT:
        raise damaged(name, _("contains no files, or more than {limit}").format(limit=MEMBERS_LIMIT))
    files = [member.filename for member in members if not member.is_dir()]
    if len(set(files)) != len(files):
        raise damaged(name, _("duplicate file name"))
    for member in members:
        _check_member(member, name)
    if sum(member.file_size for member in members) > UNPACKED_LIMIT:
        raise damaged(name, _("unpacked size exceeds the limit"))
    if sum(file.endswith(".dist-info/RECORD") and file.count("/") == 1 for file in files) != 1:
        raise damaged(name, _("must contain exactly one RECORD"))
    clash = names.collision(files)
    if clash and clash[0] != clash[1]:
        raise damaged(name, _("{first} and {second} collide on some hosts").format(first=clash[0], second=clash[1]))


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    written = member.orig_filename  # zipfile cuts ``filename`` off at a NUL, and converts backslashes on Windows
    parts = written.rstrip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\\x00-\x1f\x7f]|^[A-Za-z]:", written):
        raise damaged(name, _("{member!r} is an unsafe path").format(member=written[:200]))
    trouble = names.too_far(written)
    if trouble:
        raise damaged(name, _("{member!r} is {reason}").format(member=written[:80], reason=trouble))
    if member.filename != written:  # some readers take another name from an extra field
        raise damaged(name, _("{member!r} has two different names").format(member=written[:200]))
    if _INTERPRETER.fullmatch(written):
        raise damaged(name, _("{member!r} would replace the interpreter").format(member=written[:200]))
    if (member.external_attr >> 16) & 0o170000 not in (0, 0o100000, 0o040000):
        raise damaged(name, _("{member!r} is a link or a device").format(member=member.filename[:200]))
    if member.compress_type not in METHODS or member.flag_bits & _ENCRYPTED:
        raise damaged(
            name, _("{member!r} is encrypted, or packed with an unsupported method").format(member=written[:200])
        )
    if member.file_size > RATIO_LIMIT * max(member.compress_size, 1) + 1024:
        raise damaged(name, _("{member!r} has an impossible compression ratio").format(member=member.filename[:200]))


def check_layout(wheel: zipfile.ZipFile, name: str) -> None:
    """Refuse members whose local header contradicts the directory, or whose bytes overlap others or the directory."""
    file, end = wheel.fp, 0
    for member in sorted(wheel.infolist(), key=lambda member: member.header_offset):
        assert file is not None  # the wheel is open
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
