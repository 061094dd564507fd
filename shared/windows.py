"""System calls that Windows needs: durable renames, private files, retries for files that programs hold open.

The functions that call Windows run only there (tests/windows); their decisions are separate, and tested everywhere.
"""

from __future__ import annotations

import os
import re
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MACHINE, USER = "HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"  # hives of the registry, which is never written
# winerror.h: ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
HELD = (5, 32, 33)
# seconds between attempts while a scanner or an indexer holds a file, five in total
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.2, 1.2)
REPLACE_EXISTING, WRITE_THROUGH = 0x1, 0x8  # MoveFileExW
MOUNT_POINT = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT: a junction
_TRUSTED = ("SY", "BA", "OW", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464")
# Everyone, Users, Authenticated Users, Anonymous, Guests, Interactive, Network
_ANYBODY = ("WD", "BU", "AU", "AN", "BG", "IU", "NU")
# FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_DELETE_CHILD, DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL, GENERIC_WRITE
_WRITE = 0x2 | 0x4 | 0x40 | 0x10000 | 0x40000 | 0x80000 | 0x10000000 | 0x40000000
_WRITING = ("GA", "GW", "FA", "FW", "SD", "WD", "WO", "DC", "LC", "DT")
_ENTRY = re.compile(r"\(([^()]*)\)")


def patiently(act: Callable[[], object], pauses: Sequence[float] = PAUSES) -> None:
    """Retry a file operation while another program holds the file; finally raise its OSError."""
    for pause in pauses:
        try:
            act()
        except OSError as error:  # noqa: PERF203 - the next attempt follows
            if getattr(error, "winerror", None) not in HELD:
                raise
            time.sleep(pause)
        else:
            return
    act()


def is_junction(path: Path | str) -> bool:
    """Return whether a path is a junction: a folder that leads to another one, without being a symbolic link."""
    try:
        return getattr(os.lstat(path), "st_reparse_tag", 0) == MOUNT_POINT
    except OSError:
        return False


def others_reach(sddl: str, user: str) -> bool:
    """Return whether an access list lets anyone but a user (a SID), administrators and the system access a file."""
    return any(who not in (*_TRUSTED, user) for _rights, who in _allowed(sddl))


def is_protected(sddl: str) -> bool:
    """Return whether an access list inherits nothing from its parent folder, so that it was set on purpose."""
    _before, found, entries = sddl.partition("D:")
    return bool(found) and "P" in entries.partition("(")[0] and not entries.startswith("NO_ACCESS_CONTROL")


def must_close(source: str, copy: str, user: str) -> bool:
    """Return whether a copy must be restricted to its user, by the access lists of the original and the copy.

    An original may be private because of its folder, while the copy is in a folder that others can access.
    """
    return is_protected(source) or (not others_reach(source, user) and others_reach(copy, user))


def anybody_writes(sddl: str) -> bool:
    """Return whether an access list lets all users of the host change a file, or add to a folder."""
    return any(who in _ANYBODY and _may_write(rights) for rights, who in _allowed(sddl))


def _allowed(sddl: str) -> list[tuple[str, str]]:
    """Return the rights and SIDs in an SDDL string ([MS-DTYP] 2.5.1); without a list, all users have all rights."""
    _before, found, entries = sddl.partition("D:")
    if not found or entries.startswith("NO_ACCESS_CONTROL"):
        return [("FA", "WD")]
    allowed = []
    for entry in _ENTRY.findall(entries.partition("S:")[0]):
        kind, flags, rights, _object, _inherited, who = entry.split(";")[:6]
        if kind in ("A", "OA", "XA", "ZA") and "IO" not in re.findall("..", flags):
            allowed.append((rights, who))
    return allowed


def _may_write(rights: str) -> bool:
    if rights.startswith("0x"):
        return bool(int(rights, 16) & _WRITE)
    return any(name in _WRITING for name in re.findall("..", rights))


def read_value(hive: str, key: str, name: str) -> Any:
    """Return a value of a registry key, or None if it is not set. Raises OSError if access is denied."""
    if sys.platform != "win32":
        return None
    import winreg  # pragma: no cover - only on Windows

    try:  # pragma: no cover - only on Windows
        with winreg.OpenKey(getattr(winreg, hive), key) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except FileNotFoundError:  # pragma: no cover - only on Windows
        return None


def value_names(hive: str, key: str) -> list[str] | None:
    """Return the names of a key's values, or None if the key does not exist. Raises OSError if access is denied."""
    if sys.platform != "win32":
        return None
    import winreg  # pragma: no cover - only on Windows

    try:  # pragma: no cover - only on Windows
        with winreg.OpenKey(getattr(winreg, hive), key) as opened:
            _keys, count, _changed = winreg.QueryInfoKey(opened)
            return [winreg.EnumValue(opened, place)[0] for place in range(count)]
    except FileNotFoundError:  # pragma: no cover - only on Windows
        return None


if sys.platform == "win32":  # pragma: no cover - Windows only
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _advapi = ctypes.WinDLL("advapi32", use_last_error=True)
    _POINTER = ctypes.c_void_p
    _kernel.CreateFileW.restype = wintypes.HANDLE
    _kernel.CreateFileW.argtypes = (
        wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, _POINTER, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
    )  # fmt: skip
    _kernel.LocalFree.argtypes = (_POINTER,)
    _SDDL_REVISION, _FILE_OBJECT, _OWNER, _DACL, _PROTECTED = 1, 1, 0x1, 0x4, 0x80000000

    _LOCAL_APP_DATA = 0x1C  # CSIDL_LOCAL_APPDATA

    class _Attributes(ctypes.Structure):  # SECURITY_ATTRIBUTES
        _fields_ = (("size", wintypes.DWORD), ("descriptor", _POINTER), ("inherit", wintypes.BOOL))

    class _Limits(ctypes.Structure):  # JOBOBJECT_EXTENDED_LIMIT_INFORMATION
        _fields_ = (
            ("times", ctypes.c_int64 * 2),
            ("flags", wintypes.DWORD),
            ("working_set", ctypes.c_size_t * 2),
            ("processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("classes", wintypes.DWORD * 2),
            ("io", ctypes.c_uint64 * 6),
            ("memory", ctypes.c_size_t * 4),
        )

    @cache
    def keep_no_orphans() -> None:
        """Make programs that this process starts end with it, however it ends, so that none writes to a prefix later.

        They share a job object with it, which ends them when its only handle is closed. If Windows refuses, the process
        that finds an orphan's files in use waits for it.
        """
        _kernel.CreateJobObjectW.restype = wintypes.HANDLE
        job = wintypes.HANDLE(_kernel.CreateJobObjectW(None, None))  # open until this process ends
        extended_limits, kill_on_close = 9, 0x2000
        limits = _Limits(flags=kill_on_close)
        _kernel.SetInformationJobObject(job, extended_limits, ctypes.byref(limits), ctypes.sizeof(limits))
        _kernel.AssignProcessToJobObject(job, wintypes.HANDLE(-1))

    def move(source: Path, target: Path) -> None:
        """Move a file or folder, replacing an existing file; the move is durable on return."""

        def once() -> None:
            if not _kernel.MoveFileExW(
                ctypes.c_wchar_p(str(source)), ctypes.c_wchar_p(str(target)), REPLACE_EXISTING | WRITE_THROUGH
            ):
                raise ctypes.WinError(ctypes.get_last_error())

        patiently(once)

    def create_private(path: Path) -> int:
        """Create a file that only its user, administrators and the system can access; return its descriptor."""
        descriptor = _descriptor(_private(user_sid()))
        try:
            attributes = _Attributes(ctypes.sizeof(_Attributes), descriptor, False)
            generic_write, create_new, normal = 0x40000000, 1, 0x80
            handle = _kernel.CreateFileW(
                str(path), generic_write, 0, ctypes.byref(attributes), create_new, normal, None
            )
        finally:
            _kernel.LocalFree(descriptor)
        if handle == wintypes.HANDLE(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, os.O_WRONLY | os.O_BINARY)

    def make_private(path: Path) -> None:
        """Restrict a file to its user, administrators and the system."""
        descriptor = _descriptor(_private(user_sid()))
        try:
            access = wintypes.DWORD(_DACL | _PROTECTED)
            _require(_advapi.SetFileSecurityW(ctypes.c_wchar_p(str(path)), access, descriptor))
        finally:
            _kernel.LocalFree(descriptor)

    def read_sddl(path: Path | str) -> str:
        """Return the owner and the access list of a file as SDDL."""
        descriptor, text = _POINTER(), wintypes.LPWSTR()
        failed = _advapi.GetNamedSecurityInfoW(
            ctypes.c_wchar_p(str(path)), _FILE_OBJECT, _OWNER | _DACL, None, None, None, None, ctypes.byref(descriptor)
        )
        if failed:
            raise ctypes.WinError(failed)
        try:
            _require(
                _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                    descriptor, _SDDL_REVISION, _OWNER | _DACL, ctypes.byref(text), None
                )
            )
            return text.value or ""
        finally:
            _kernel.LocalFree(text)
            _kernel.LocalFree(descriptor)

    def local_app_data() -> Path:
        """Return the current user's %LOCALAPPDATA%, as the system records it."""
        found = ctypes.create_unicode_buffer(wintypes.MAX_PATH)
        failed = ctypes.windll.shell32.SHGetFolderPathW(None, _LOCAL_APP_DATA, None, 0, found)
        if failed:
            raise ctypes.WinError(failed)
        return Path(found.value)

    def user_sid() -> str:
        """Return the SID of the user who runs this process."""
        token, needed, text = wintypes.HANDLE(), wintypes.DWORD(), wintypes.LPWSTR()
        query, token_user = 0x8, 1
        _require(_advapi.OpenProcessToken(wintypes.HANDLE(-1), query, ctypes.byref(token)))
        try:
            buffer = ctypes.create_string_buffer(256)
            _require(_advapi.GetTokenInformation(token, token_user, buffer, len(buffer), ctypes.byref(needed)))
            sid = _POINTER.from_buffer(buffer)  # the first field of TOKEN_USER
            _require(_advapi.ConvertSidToStringSidW(sid, ctypes.byref(text)))
            return text.value or ""
        finally:
            _kernel.LocalFree(text)
            _kernel.CloseHandle(token)

    def unlink_unless_running(program: Path) -> bool:
        """Remove a program's file, and return whether it was removed: Windows refuses if it is running."""
        try:
            program.unlink()
        except FileNotFoundError:
            return True
        except PermissionError as error:
            if error.winerror not in HELD:
                raise
            return False
        return True

    def _private(user: str) -> str:
        return f"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{user})"

    def _descriptor(sddl: str) -> Any:
        descriptor = _POINTER()
        _require(
            _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                ctypes.c_wchar_p(sddl), _SDDL_REVISION, ctypes.byref(descriptor), None
            )
        )
        return descriptor

    def _require(succeeded: int) -> None:
        if not succeeded:
            raise ctypes.WinError(ctypes.get_last_error())
