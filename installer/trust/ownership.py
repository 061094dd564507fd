"""Checks that only the administrators of a host can write its policy.

POSIX: the file and every folder above it belong to root and neither group nor others may write to them; no symbolic
link is followed. Windows: owner and access list, read as SDDL ([MS-DTYP] 2.5.1).
"""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Protocol

from shared.errors import TrustError
from shared.files import owners
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Administrators, SYSTEM, TrustedInstaller
ADMINISTRATORS = ("BA", "SY", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464")
# rights to replace the content of a folder: DELETE, WRITE_DAC, WRITE_OWNER,
# FILE_DELETE_CHILD, GENERIC_ALL, GENERIC_WRITE; then those that also alter a file or add to a folder
_REPLACE = 0x10000 | 0x40000 | 0x80000 | 0x40 | 0x10000000 | 0x40000000
_WRITE = _REPLACE | 0x2 | 0x4 | 0x10 | 0x100
_NAMES = {
    "GA": 0x10000000,
    "GW": 0x40000000,
    "GR": 0,
    "GX": 0,
    "RC": 0,
    "SD": 0x10000,
    "WD": 0x40000,
    "WO": 0x80000,
    "FA": 0x1F01FF,
    "FR": 0x120089,
    "FW": 0x120116,
    "FX": 0x1200A0,
    "CC": 0x1,
    "DC": 0x2,
    "LC": 0x4,
    "SW": 0x8,
    "RP": 0x10,
    "WP": 0x20,
    "DT": 0x40,
    "LO": 0x80,
    "CR": 0x100,
}
# owner Administrators; full access for these and SYSTEM, reading for users; nothing inherited
PRIVATE = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FRFX;;;BU)"
_ACE = re.compile(r"\(([^()]*)\)")


class Host(Protocol):
    """The user ID that must own the host's policy, and the topmost folder that it must own as well."""

    @property
    def owner(self) -> int: ...

    @property
    def top(self) -> Path: ...


def require_private(path: Path, host: Host) -> None:
    """Raise TrustError unless only the host's administrators can write to a file or folder and everything above it."""
    for place, problem in _problems(path, host, folder=False):
        raise TrustError(
            _("{path} cannot be used as this host's policy: {place} {problem}.").format(
                path=path, place=place, problem=problem
            ),
            advice=_(
                "Ask an administrator to check who created it and to restrict it to root (Windows: "
                "Administrators and SYSTEM); until then nothing is accepted."
            ),
        )


def counts_below(folder: Path, host: Host) -> bool:
    """Return whether no other user could replace what an administrator creates in a folder."""
    return not any(_problems(folder, host, folder=True))


def _problems(path: Path, host: Host, *, folder: bool) -> Iterator[tuple[Path, str]]:
    """Yield those of a path and its parents that other users could change.

    For a parent, and with ``folder`` for the path itself, only the rights to replace its content matter (Windows).
    """
    for place in (path, *path.parents):
        parent = folder or place != path
        problem = _windows_problem(place, parent=parent) if sys.platform == "win32" else posix_problem(place, host)
        if problem:
            yield place, problem
        if place == host.top:
            return


def posix_problem(place: Path, host: Host) -> str:
    """Return why other users could change one file or folder, or an empty string if they cannot."""
    status = os.lstat(place)
    if stat.S_ISLNK(status.st_mode):
        return _("is a link")
    found = owners.problem(status, {host.owner}, (), sticky=False)
    return {"": "", owners.FOREIGN: _("belongs to another user"), owners.OPEN: _("is writable by other users")}[found]


def sddl_problem(sddl: str, *, parent: bool) -> str:
    """Return why other users could change an object with this owner and access list, or an empty string.

    For a folder further up (``parent``), only the rights to replace its content matter.
    """
    matched = re.match(r"O:(S-[0-9-]+|[A-Z]{2})", sddl)
    if matched is None or matched[1] not in ADMINISTRATORS:
        return _("belongs to another user")
    _before, found, entries = sddl.partition("D:")
    conditional = "(X" in entries or "(Z" in entries  # no folder of this tool has such entries
    if not found or conditional or entries.startswith("NO_ACCESS_CONTROL"):
        return _("is writable by other users")
    for entry in _ACE.findall(entries.partition("S:(")[0]):
        kind, flags, rights, _object, _inherited, who = entry.split(";")[:6]
        inherit_only = "IO" in re.findall("..", flags)
        if kind not in ("A", "OA") or inherit_only or who in ADMINISTRATORS:
            continue
        if _mask(rights) & (_REPLACE if parent else _WRITE):
            return _("is writable by other users")
    return ""


def _mask(rights: str) -> int:
    if rights.startswith("0x"):
        return int(rights, 16)
    mask = 0
    for name in re.findall("..", rights):
        mask |= _NAMES.get(name, _WRITE)  # an unknown right may allow writing
    return mask


def make_private(folder: Path) -> None:  # pragma: no cover - Windows only
    """Create a folder that only administrators may write and everyone may read, from its creation on."""
    import ctypes
    from ctypes import wintypes

    class Attributes(ctypes.Structure):  # SECURITY_ATTRIBUTES of CreateDirectoryW
        _fields_ = (("size", wintypes.DWORD), ("descriptor", ctypes.c_void_p), ("inherit", wintypes.BOOL))

    windll = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    descriptor, revision = ctypes.c_void_p(), 1
    windll.advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(
        ctypes.c_wchar_p(PRIVATE), revision, ctypes.byref(descriptor), None
    )
    try:
        attributes = Attributes(ctypes.sizeof(Attributes), descriptor, 0)
        if not windll.kernel32.CreateDirectoryW(ctypes.c_wchar_p(str(folder)), ctypes.byref(attributes)):
            raise ctypes.WinError()  # type: ignore[attr-defined,unused-ignore]
    finally:
        windll.kernel32.LocalFree(descriptor)


def _windows_problem(place: Path, *, parent: bool) -> str:  # pragma: no cover - Windows only
    if place.is_symlink() or getattr(os.lstat(place), "st_file_attributes", 0) & 0x400:
        return _("is a link")
    return sddl_problem(_read_sddl(place), parent=parent)


def _read_sddl(place: Path) -> str:  # pragma: no cover - Windows only
    import ctypes
    from ctypes import wintypes

    windll = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    descriptor, text = ctypes.c_void_p(), wintypes.LPWSTR()
    owner_and_dacl, file_object, revision = 0x1 | 0x4, 1, 1
    failed = windll.advapi32.GetNamedSecurityInfoW(
        ctypes.c_wchar_p(str(place)), file_object, owner_and_dacl, None, None, None, None, ctypes.byref(descriptor)
    )
    if failed:
        raise OSError(failed, ctypes.FormatError(failed), str(place))  # type: ignore[attr-defined,unused-ignore]
    try:
        windll.advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor, revision, owner_and_dacl, ctypes.byref(text), None
        )
        return text.value or ""
    finally:
        windll.kernel32.LocalFree(text)
        windll.kernel32.LocalFree(descriptor)
