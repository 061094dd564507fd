"""Valid file names in a bundle: every host can store them, and they mislead no one.

UTF-8 in NFC, without control, bidi or backslash characters, relative, short enough for hosts, unique after
NFKC and case folding; the rules of Windows apply to bundles of every platform.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

INSTALLER = "ragtrace-install.pyz"  # next to the archive of every bundle, and in it
BESIDE = ("README-먼저읽기.txt", "install.bat", "install.sh")  # what explains the folder to whoever opens it
NAME_LIMIT, PREFIX_LIMIT = 100, 155  # bytes, POSIX.1-1988 ustar header fields
# limits for a path in a bundle or a wheel; no known wheel reaches a third of them. They keep installed paths far below
# PATH_MAX, and the time to walk an installed tree short
PARTS_LIMIT, PART_LIMIT, MEMBER_LIMIT = 64, 255, 1024  # names, bytes of one name (NAME_MAX), bytes of the path
# what MAX_PATH (259 characters) leaves below a release: the prefix may take 20, \\releases\\ and the release's name 37
WINDOWS_ROOM = 259 - 20 - 37
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # titles and model names: they become folders and commands
_FORBIDDEN = re.compile(r'[\\:*?"<>|]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?")


def plain_form() -> str:
    """Return a description of the names that PLAIN matches."""
    return _("letters, digits, '.', '_' and '-' only, at most 64, a letter or a digit first")


def split_ustar(path: str) -> tuple[bytes, bytes] | None:
    """Return the prefix and name fields of a ustar header, or None if the path does not fit."""
    data = path.encode("utf-8")
    if len(data) <= NAME_LIMIT:
        return b"", data
    for index in range(len(data) - 1, 0, -1):
        if data[index] == 0x2F and index <= PREFIX_LIMIT and len(data) - index - 1 <= NAME_LIMIT:
            return data[:index], data[index + 1 :]
    return None


def problem(path: str) -> str | None:
    """Return why a path is not allowed in a bundle, or None if it is."""
    trouble = _text_problem(path)
    for part in path.split("/"):
        trouble = trouble or _part_problem(part)
    return trouble or too_far(path)


def _text_problem(path: str) -> str | None:
    if not path or path.startswith("/"):
        return _("not a relative path")
    if any(unicodedata.category(character) in ("Cf", "Cs", "Cc", "Co", "Zl", "Zp") for character in path):
        return _("contains a control or invisible character")
    if unicodedata.normalize("NFC", path) != path:
        return _("not in Unicode normal form C")
    if _FORBIDDEN.search(path):
        return _("contains a character that Windows does not allow")
    return None


def _part_problem(part: str) -> str | None:
    if part in ("", ".", ".."):
        return _("contains an empty, '.' or '..' part")
    if part != part.strip(" ") or part.endswith("."):
        return _("a part begins or ends with a space, or ends with a dot")
    if _RESERVED.fullmatch(part):
        return _("{part} is a reserved name on Windows").format(part=part)
    return None


def too_far(member: str) -> str | None:
    """Return why a path is too deep or too long to be installed, or None if it is not."""
    parts = [part.encode("utf-8", "surrogatepass") for part in member.split("/")]
    if len(parts) > PARTS_LIMIT:
        return _("nested in more than {limit} folders").format(limit=PARTS_LIMIT - 1)
    if max(map(len, parts)) > PART_LIMIT or sum(map(len, parts)) + len(parts) - 1 > MEMBER_LIMIT:
        return _("longer than {limit} bytes, or has a name longer than {part}").format(
            limit=MEMBER_LIMIT, part=PART_LIMIT
        )
    return None


def too_long_for_windows(paths: Iterable[str]) -> str | None:
    """Return a path that is too long for Windows below a release, even with a short prefix, or None."""
    return next((path for path in paths if len("/" + path) > WINDOWS_ROOM), None)


def folded(path: str) -> str:
    """Return a form that is equal for two paths if a case-insensitive filesystem treats them as the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())


def collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths that collide on some filesystem, including a file that is also used as a folder, or None."""
    files: dict[str, str] = {}
    folders: dict[str, tuple[str, str]] = {}
    for path in paths:
        key = folded(path)
        if key in files:
            return files[key], path
        files[key] = path
        parts = path.split("/")
        for index in range(1, len(parts)):
            folder = "/".join(parts[:index])
            known, owner = folders.setdefault(folded(folder), (folder, path))
            if known != folder:
                return owner, path
    for key, path in files.items():
        if key in folders:
            return path, folders[key][1]
    return None
