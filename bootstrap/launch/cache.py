# mypy: disable-error-code="no-untyped-call"
"""The zipapp's cache: a private folder that contains exactly the zipapp's files, verified at every start.

shiv would trust any existing cache. Here every file is compared with digests.json before anything in the cache is
imported, and the cache is rebuilt if a file differs, is missing or is extra. For large programs, only the size is
compared; their bytes are verified right before they run (shared/programs/embedded.py).
There is no lock: each run builds in a temporary folder and renames it, so that two concurrent first runs both succeed.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from hashlib import sha256

try:
    from . import owners, refused  # type: ignore[attr-defined] # in a zipapp: pack.py writes them next to this
except ImportError:
    from shared.files import owners, refused  # in a checkout
from .words import Refusal, _, broken

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from typing import Any

    Known = tuple[str, int, int]  # SHA-256, size in bytes, mode

ROOT_VARIABLE = "RAGTRACE_CACHE_ROOT"  # environment.json makes shiv use it instead of SHIV_ROOT
PROGRAMS = "bin/"  # large, so verified right before they run
LEAF = "ragtrace-zipapp"
BLOCK = 1 << 20  # bytes read at a time
LACKS = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # as in shared/troubles.py
REPARSE_POINT = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT: a junction is not a real folder

opened: dict[str, Any] = {}  # after open_cache(): zipapp, folder, tree (the checked site-packages), files


def open_cache(zipapp: str, facts: dict[str, Any]) -> None:
    """Find or build a cache that contains exactly the zipapp's files, in the first suitable place."""
    # the name that shiv's cache_path expects
    name = f"{os.path.basename(os.path.realpath(zipapp))}_{facts['build_id']}"
    troubles = []
    for place in places():
        try:
            folder = private_folder(place)
            if damage(os.path.join(folder, name), facts["files"]) is not None:
                try_execution(folder)
                build(zipapp, folder, name, facts["files"])
        except OSError as error:
            if error.errno in LACKS:
                raise lacking(error) from error
            troubles.append(f"{place} ({error.strerror or error})")
            continue
        try:
            os.utime(os.path.join(folder, name))  # time of last use, for removing old caches (``shared/programs``)
        except OSError:
            pass  # a read-only cache that was provided for us
        os.environ[ROOT_VARIABLE] = folder
        tree = os.path.join(folder, name, "site-packages")
        opened.update(zipapp=zipapp, folder=folder, tree=tree, files=facts["files"])
        return
    raise Refusal(
        _("No folder is usable as the installer's cache: {troubles}.").format(troubles="; ".join(troubles)),
        _("Set RAGTRACE_CACHE to a folder of your own with 100 MB free, on a filesystem that allows execution."),
    )


def lacking(error: OSError) -> Refusal:
    """Return the refusal for a lack of resources, which another folder would not remedy."""
    return Refusal(
        _("A resource limit of this host prevents programs from running: {reason}.").format(reason=error.strerror),
        _("Raise the limit on processes, memory or open files (ulimit, the service, the container)."),
    )


def unread(zipapp: str | None, error: OSError) -> Refusal:
    """Return the refusal for a zipapp that cannot be read completely: because of the host, the medium or its bytes."""
    return lacking(error) if error.errno in LACKS else broken(zipapp, error)


def places() -> list[str]:
    """Return the possible locations of the cache, best first; RAGTRACE_CACHE, if set, is the only one."""
    given = os.environ.get("RAGTRACE_CACHE")
    if given:
        return [os.path.join(os.path.abspath(given), LEAF)]
    own = {"win32": ["$LOCALAPPDATA"], "darwin": ["~/Library/Caches"]}
    shared = [] if os.name == "nt" else ["/tmp", "/var/tmp"]  # noqa: S108 - created with 0700, owner is checked
    # in a shared folder, each user's cache has its own name
    leaf = LEAF if os.name == "nt" else f"{LEAF}-{os.geteuid()}"
    named = [(folder, LEAF) for folder in own.get(sys.platform, ["$XDG_CACHE_HOME", "~/.cache"])]
    named += [(folder, leaf) for folder in ("$TMPDIR", "$TEMP", "$TMP", *shared)]
    # an empty or unset variable results in a path that is not absolute
    found = [(os.path.expandvars(os.path.expanduser(folder)), leaf) for folder, leaf in named]
    return [os.path.join(folder, leaf) for folder, leaf in found if os.path.isabs(folder)]


def private_folder(path: str) -> str:
    """Create a folder with mode 0700, or use an existing real folder of this user; return its path.

    Raises OSError if neither is possible, if another user could replace the folder, or if it is mounted noexec.
    """
    os.stat(os.path.dirname(os.path.dirname(path)))  # a missing home directory is not created
    if os.path.lexists(path):
        require_real(os.lstat(path))
    # check before creating anything: under sudo, HOME may be the caller's, and root's files there would be in the way
    if os.name != "nt" and owners.first_problem(os.path.dirname(path))[0]:
        raise OSError(_("another user could replace it"))
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    status = os.lstat(path)
    require_real(status)
    if os.name == "nt":
        return path  # the profile's access control list excludes other users
    if status.st_mode & 0o077:
        os.chmod(path, 0o700)
    if flags_of(path) & getattr(os, "ST_NOEXEC", 0):
        raise OSError(_("it is on a filesystem mounted with noexec"))
    return path


def flags_of(path: str) -> int:
    """Return the mount flags of a path's filesystem, or 0 if they are unknown: execution is tested anyway."""
    try:
        return os.statvfs(path).f_flag
    except OSError:
        return 0


def require_real(status: os.stat_result) -> None:
    """Raise OSError unless a status is that of a real folder that belongs to this user."""
    if not stat.S_ISDIR(status.st_mode) or getattr(status, "st_file_attributes", 0) & REPARSE_POINT:
        raise OSError(_("not a real folder"))
    if os.name != "nt" and status.st_uid != os.geteuid():
        raise OSError(_("belongs to another user"))


def try_execution(folder: str) -> None:
    """Write and run a program. Raises OSError if the folder is not writable or does not allow execution."""
    if os.name == "nt":
        return
    import subprocess

    path = os.path.join(folder, f".try-{os.getpid()}")
    try:
        with open(path, "w") as file:
            file.write("#!/bin/sh\n")
        os.chmod(path, 0o700)
        subprocess.call([path])
    except FileNotFoundError:
        pass  # a host without a shell
    finally:
        if os.path.lexists(path):
            os.unlink(path)


def damage(home: str, files: dict[str, Known]) -> str | None:
    """Return the first path that differs between a cache and the zipapp, or None if the cache is intact."""
    tree = os.path.join(home, "site-packages")
    if os.path.islink(home) or os.path.islink(tree):
        return "site-packages"
    left, folders, path = dict(files), [("", tree)], "site-packages"
    try:
        while folders:
            prefix, folder = folders.pop()
            with os.scandir(folder) as entries:
                names = list(entries)
            if not names:
                return prefix
            for entry in names:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append((path + "/", entry.path))
                elif path not in left or not entry.is_file(follow_symlinks=False):
                    return path
                elif not same(entry.path, path, left.pop(path)):
                    return path
    except OSError:
        return path  # unreadable, or another run is replacing it
    return min(left) if left else None


def same(path: str, name: str, known: Known) -> bool:
    """Return whether a file is the known one; for a large program only the size is compared here."""
    digest, size, _mode = known
    if name.startswith(PROGRAMS):
        return os.stat(path).st_size == size
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # a third faster than open()
    try:
        return sha256(os.read(handle, size + 1)).hexdigest() == digest
    finally:
        os.close(handle)


def build(zipapp: str, folder: str, name: str, files: dict[str, Known]) -> None:
    """Unpack the zipapp's files into a temporary folder and rename it; a concurrent run may do so first."""
    import tempfile
    import zipfile
    import zlib

    home = os.path.join(folder, name)
    new = tempfile.mkdtemp(prefix=".new-", dir=folder)
    try:
        try:
            archive = zipfile.ZipFile(zipapp)
        except (OSError, zipfile.BadZipFile) as error:
            behind = refused.behind(error)
            raise (unread(zipapp, behind) if behind else broken(zipapp, error)) from error
        with archive:
            for path, known in files.items():
                unpack(archive, path, os.path.join(new, "site-packages", path), known)
        if os.path.lexists(home) and damage(home, files) is not None:
            aside = tempfile.mkdtemp(prefix=".old-", dir=folder)
            os.rename(home, os.path.join(aside, "tree"))
            shutil.rmtree(aside, ignore_errors=True)
        try:
            os.rename(new, home)
        except OSError:
            if damage(home, files) is not None:
                raise
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, ValueError) as error:
        raise broken(zipapp, error) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file of the zipapp; read errors of its medium are not attributed to the target folder."""
    try:
        with archive.open(name) as source:
            yield from iter(lambda: source.read(BLOCK), b"")
    except OSError as error:
        raise unread(archive.filename, error) from error


def unpack(archive: zipfile.ZipFile, name: str, path: str, known: Known) -> None:
    """Write one file of the zipapp and hash the written bytes. Raises Refusal if it is not the known file."""
    digest, size, mode = known
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    hashed, written = sha256(), 0
    with open(path, "xb") as file:
        for block in blocks(archive, "site-packages/" + name):
            hashed.update(block)
            written += len(block)
            if written > size:
                break
            file.write(block)
    if hashed.hexdigest() != digest:
        raise broken(archive.filename, name)
    os.chmod(path, mode)
