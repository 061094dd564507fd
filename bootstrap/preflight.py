"""All that can be known before the first write, in one list."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.bundle.target import host_glibc, host_target
from bootstrap.console import human_bytes
from bootstrap.errors import HostError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bootstrap.bundle.manifest import Manifest
    from bootstrap.prefix import Prefix

RESERVE = 64 << 20  # bytes left free for logs, the journal and the filesystem itself
BYTECODE_SHARE = 0.35  # of the installed bytes: what acceptance compiles at most, measured on 48,000 files
FILES_RESERVE = 1000  # inodes
WINDOWS_PATH_LIMIT = 259
TRIAL = ".ragtrace-"
LEFT_BY_UNINSTALL = ("data", ".env", "backups")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, whether it fits, what was seen, and what to do when it doesn't."""

    name: str
    fits: bool
    details: str
    advice: str = ""


def preflight(manifest: Manifest, prefix: Prefix) -> list[Finding]:
    """Return every finding; nothing is left behind on disk."""
    return [
        *runtime(manifest),
        _place(prefix),
        _writable(prefix),
        _space(manifest, prefix),
        *_inodes(manifest, prefix),
        *_path_length(manifest, prefix),
    ]


def runtime(manifest: Manifest) -> list[Finding]:
    """Return whether this platform and this Python are those that a manifest is for."""
    return [_platform(manifest), _python(manifest), *_glibc(manifest)]


def demand(findings: list[Finding]) -> None:
    """Raise HostError for the first finding that does not fit."""
    for finding in findings:
        if not finding.fits:
            raise HostError(f"{finding.details}.", advice=finding.advice)


def nearest(path: Path) -> Path:
    """Return the path itself or the nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return path


def _platform(manifest: Manifest) -> Finding:
    host, target = host_target(), manifest.target
    fits = (host.platform, host.architecture) == (target.platform, target.architecture)
    details = _("this host is {host}, the bundle is for {target}").format(host=host, target=target)
    return Finding(_("Platform"), fits, details, _("Bring the bundle that was built for {host}.").format(host=host))


def _python(manifest: Manifest) -> Finding:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    wanted = manifest.target.python
    details = _("this is Python {running}, the bundle is for {wanted}").format(running=running, wanted=wanted)
    fits = running.rpartition(".")[0] == wanted and not sysconfig.get_config_var("Py_GIL_DISABLED")
    if fits and manifest.python_range:
        first, last = manifest.python_range
        fits = first <= sys.version_info[2] <= last
        details += _(" (patch releases {first} to {last})").format(first=first, last=last)
    advice = _("Run the installer with Python {wanted}, or bring the bundle for this Python.").format(wanted=wanted)
    return Finding(_("Python"), fits, details, advice)


def _glibc(manifest: Manifest) -> Iterator[Finding]:
    if manifest.target.platform != "linux" or sys.platform != "linux":
        return
    found, wanted = host_glibc(), manifest.target.glibc
    seen = ".".join(map(str, found)) if found else _("none")
    yield Finding(
        _("C library"),
        found is not None and found >= wanted,
        _("glibc here: {seen}; the bundle needs {wanted} or later").format(
            seen=seen, wanted=".".join(map(str, wanted))
        ),
        _("Use a newer system, or have the bundle built for an older glibc."),
    )


def _place(prefix: Prefix) -> Finding:
    root = prefix.root
    name, advice = _("Folder"), _("Name an empty or new folder with --prefix.")
    if root.is_symlink():
        return Finding(name, False, _("{path} is a symbolic link").format(path=root), advice)
    if root.exists() and not root.is_dir():
        return Finding(name, False, _("{path} is not a folder").format(path=root), advice)
    if root.is_dir() and not prefix.exists and any(map(_is_strange, root.iterdir())):
        return Finding(name, False, _("{path} holds files that are not ours").format(path=root), advice)
    return Finding(name, True, str(root))


def _is_strange(path: Path) -> bool:
    """Tell whether a file is neither what an uninstallation leaves nor what a try to write left when it was killed."""
    return path.name not in LEFT_BY_UNINSTALL and not path.name.startswith(TRIAL)


def _writable(prefix: Prefix) -> Finding:
    place = nearest(prefix.root)
    advice = _("Give this user the right to write there, or name another folder with --prefix.")
    try:
        with tempfile.TemporaryDirectory(prefix=TRIAL, dir=place):
            pass
    except OSError as error:
        details = _("{path} cannot be written: {reason}").format(path=place, reason=error.strerror)
        return Finding(_("Permission"), False, details, advice)
    return Finding(_("Permission"), True, _("{path} can be written").format(path=place))


def needed_bytes(manifest: Manifest) -> int:
    """Return the most that an installation holds at once: kept files, the release, its bytecode."""
    return manifest.total_bytes + int(manifest.installed_bytes * (1 + BYTECODE_SHARE)) + RESERVE


def _space(manifest: Manifest, prefix: Prefix) -> Finding:
    place = nearest(prefix.root)
    free, needed = shutil.disk_usage(place).free, needed_bytes(manifest)
    details = _("{free} free on {path}, {needed} needed").format(
        free=human_bytes(free), path=place, needed=human_bytes(needed)
    )
    return Finding(_("Space"), free >= needed, details, _("Free space there, or name another disk with --prefix."))


def _inodes(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    place = nearest(prefix.root)
    status = os.statvfs(place)
    if not status.f_files:
        return  # the filesystem makes inodes as it needs them
    needed = 2 * manifest.installed_files + len(manifest.files) + FILES_RESERVE  # bytecode doubles them at most
    details = _("{free} inodes free on {path}, {needed} needed").format(free=status.f_favail, path=place, needed=needed)
    yield Finding(_("Inodes"), status.f_favail >= needed, details, _("Remove files there, or name another disk."))


def _path_length(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    if sys.platform != "win32":
        return
    longest = max((len(entry.inner) for entry in manifest.of_kind("source")), default=0)
    length = len(str(prefix.releases)) + 40 + longest
    yield Finding(
        _("Path length"),
        length <= WINDOWS_PATH_LIMIT,
        _("the longest path has {length} characters").format(length=length),
        _("Name a shorter folder with --prefix."),
    )
