"""Tests before the first write, each by trying what a run will need: locks, threads, reading the user's files."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from installer.install.host_results import HostResult
from installer.layout import service_account
from installer.userdata import backup_files, persist
from shared import limits, troubles
from shared.errors import HostError, RagtraceError, ToolError
from shared.files import process_lock, temp_folders
from shared.i18n import _, plural
from shared.processes import process
from shared.programs import app_launcher
from shared.programs.uv import Uv, base_interpreter
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix

OWN = ".ragtrace-"  # this tool's temporary names in other folders start with it
START_SECONDS = 60.0
TRY_TIMEOUT = 30.0  # seconds
OWN_FILES = 1 << 20  # bytes of the largest file besides those of the bundle: a log, the receipt, a launcher


def nearest(path: Path) -> Path:
    """Return the path itself or its nearest existing parent."""
    while not path.exists():
        path = path.parent
    return path


def trouble_writing(place: Path) -> str:
    """Return why this user, or the service account if it owns the folder, cannot write in a folder, or '' if it can."""
    try:
        with service_account.acting_as_owner_of(place), temp_folders.beside(place):
            return ""
    except OSError as error:
        return troubles.reason(error, troubles.WRITING, path=place)


def executing(prefix: Prefix) -> HostResult:
    """Try to run a program in the prefix: a filesystem mounted noexec stores files but runs none."""
    name, place = _("Execution"), nearest(prefix.root)
    advice = _("With --prefix, specify a folder on a filesystem that is not mounted noexec.")
    if sys.platform == "win32":
        return HostResult(name, True, _("every folder allows execution"))
    try:
        with temp_folders.beside(place) as folder:
            program = os.path.join(folder, "try")
            with open(program, "w", encoding="ascii") as file:
                file.write("#!/bin/sh\nexit 0\n")
            os.chmod(program, 0o700)
            ended = process.run([program], timeout=TRY_TIMEOUT)
    except RagtraceError as error:  # a limit or a missing device has its own message
        return HostResult(name, False, error.what.rstrip("."), error.advice)
    except OSError as error:
        details = _("cannot test whether programs can run in {path}: {reason}").format(
            path=place, reason=troubles.reason(error)
        )
        return HostResult(name, True, details, advice, warns=True)
    details = _("programs can run in {path}") if ended.ok else _("programs cannot run in {path}")
    return HostResult(name, ended.ok, details.format(path=place), advice)


def linking(manifest: Manifest, prefix: Prefix) -> Iterator[HostResult]:
    """Try to link a folder to another, as releases link to the user's data: FAT and some shares have no links."""
    if not manifest.application.persist:
        return
    name, place = _("Links"), nearest(prefix.releases)
    if trouble_writing(place):
        return  # the finding on permission reports it
    with temp_folders.beside(place) as folder:
        link = folder / "link"
        try:
            persist.lead(link, folder)
        except OSError as error:
            details = _("links to folders cannot be created in {path}: {reason}").format(
                path=place, reason=troubles.reason(error)
            )
            advice = _("With --prefix, specify a folder on another filesystem (Windows: NTFS or ReFS).")
            yield HostResult(name, False, details, advice)
            return
        link.unlink()
    yield HostResult(name, True, _("links to folders can be created in {path}").format(path=place))


def locks(prefix: Prefix) -> Iterator[HostResult]:
    """Try to lock a file: some network shares have no locks, and two runs at once would damage each other's work."""
    place = nearest(prefix.state)
    if sys.platform == "win32" or trouble_writing(place):
        return
    try:
        with temp_folders.beside(place) as folder:
            process_lock.require_locks(place, folder)
    except HostError as trouble:
        yield HostResult(_("Locks"), False, trouble.what.rstrip("."), trouble.advice)
    else:
        yield HostResult(_("Locks"), True, _("file locking works in {path}").format(path=place))


def keeping(prefix: Prefix) -> Iterator[HostResult]:
    """Try to set a file's permissions and times, and to sync and rename it; some network shares do not allow this."""
    place = nearest(prefix.releases)
    if sys.platform == "win32" or trouble_writing(place):
        return
    with temp_folders.beside(place) as folder, open(folder / "file", "wb") as file:
        acts: tuple[tuple[str, Callable[[], None]], ...] = (
            (_("cannot change file permissions in {path}: {reason}"), lambda: os.chmod(file.name, 0o600)),
            (_("cannot change file times in {path}: {reason}"), lambda: os.utime(file.name, (0, 0))),
            (_("cannot sync files in {path} to disk: {reason}"), lambda: os.fsync(file.fileno())),
            (_("cannot rename files in {path}: {reason}"), lambda: os.replace(file.name, folder / "renamed")),
        )
        for details, act in acts:
            reason = _trouble(act)
            if reason:
                advice = _("Specify a folder on another filesystem with --prefix.")
                yield HostResult(_("Files"), False, details.format(path=place, reason=reason), advice)


def _trouble(act: Callable[[], None]) -> str:
    try:
        act()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def interpreter() -> HostResult:
    """Start this host's interpreter as uv does; it must print nothing, because uv parses its output."""
    name, python = _("Python startup"), base_interpreter()
    try:
        ended = process.run([str(python), "-I", "-B", "-c", ""], timeout=START_SECONDS)
    except RagtraceError as error:
        return HostResult(name, False, error.what.rstrip("."), error.advice or limits.advice())
    if ended.ok and not ended.stdout:
        return HostResult(name, True, str(python))
    details = _("{path} fails or prints output at startup: {text}").format(
        path=python, text=(ended.stdout.strip() or ended.stderr.strip() or str(ended.returncode)).splitlines()[-1]
    )
    return HostResult(name, False, details, _("Remove what writes output at startup: a sitecustomize.py or .pth file."))


def programs() -> HostResult:
    """Start as many threads as an installation needs at once: with fewer, uv waits forever for the missing ones."""
    had = limits.threads_at_once()
    details = plural(
        "{number} concurrent thread, {needed} needed", "{number} concurrent threads, {needed} needed", had
    ).format(number=had, needed=limits.NEEDED_THREADS)
    return HostResult(_("Limits"), had >= limits.NEEDED_THREADS, details, limits.advice())


def sizes(manifest: Manifest) -> Iterator[HostResult]:
    """Compare what an installation needs with the limits of this process: file size, open files, stack."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limits
    largest = max([OWN_FILES, *(entry.size for entry in manifest.files)])
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if most != resource.RLIM_INFINITY:
        details = _("file size limit {most}, {needed} needed").format(
            most=human_bytes(most), needed=human_bytes(largest)
        )
        advice = _("Raise the file size limit (`ulimit -f`, the service, the container).")
        yield HostResult(_("Limits"), most >= largest, details, advice)
    needed = limits.needed_files(sum(entry.path.endswith(".whl") for entry in manifest.files))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # uv raises its soft limit to this one
    if most != resource.RLIM_INFINITY:
        details = _("open file limit {most}, {needed} needed").format(most=most, needed=needed)
        advice = _("Raise the open file limit (`ulimit -n`, the service, the container).")
        yield HostResult(_("Limits"), most >= needed, details, advice)
    most = resource.getrlimit(resource.RLIMIT_STACK)[0]
    if most != resource.RLIM_INFINITY:
        details = _("stack size limit {most}, {needed} needed").format(
            most=human_bytes(most), needed=human_bytes(limits.NEEDED_STACK)
        )
        advice = _("Raise the stack size limit (`ulimit -s`, the service, the container).")
        yield HostResult(_("Limits"), most >= limits.NEEDED_STACK, details, advice)


def installing(prefix: Prefix) -> Iterator[HostResult]:
    """Start uv, which installs the packages: it needs more of the kernel than Python does."""
    place = nearest(prefix.releases)
    if trouble_writing(place):
        return  # the finding on permission reports it
    name = _("uv startup")
    try:
        with temp_folders.beside(place) as folder:
            ended = Uv(folder).start()
    except (HostError, ToolError) as error:
        yield HostResult(name, False, error.what.rstrip("."), error.advice)
        return
    if ended.ok:
        yield HostResult(name, True, _("uv starts"))
        return
    lines = [line for line in ended.stderr.splitlines() if line.strip() and "RUST_BACKTRACE" not in line]
    text = _refused_by_the_kernel() or (lines[-1].strip() if lines else str(ended.returncode))
    details = _("cannot start uv, which installs the packages: {reason}").format(reason=text)
    advice = _(
        "Ask an administrator to allow this operation; it is blocked by the kernel, the container, a seccomp "
        "filter or a security module."
    )
    yield HostResult(name, False, details, advice)


def _refused_by_the_kernel() -> str:
    """Return a message about a system call that uv needs and that fails in this process too, or an empty string."""
    import select
    import socket

    def pair() -> None:
        for end in socket.socketpair():
            end.close()

    def poll() -> None:
        select.epoll().close()

    acts: list[tuple[str, Callable[[], None]]] = [(_("cannot use sockets: {reason}"), pair)]
    if sys.platform == "linux":
        acts.append((_("cannot use epoll: {reason}"), poll))
    for text, act in acts:
        reason = _trouble(act)
        if reason:
            return text.format(reason=reason)
    return ""


def settings(prefix: Prefix) -> Iterator[HostResult]:
    """Read the settings as the launchers do: if they cannot be read, the application does not start."""
    try:
        app_launcher.text_of(str(prefix.root))
    except NotADirectoryError:
        return  # the finding on the folder reports it
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("not valid UTF-8")
        details = _("{path} cannot be read: {reason}").format(path=prefix.env_file, reason=reason)
        yield HostResult(
            _("Settings"),
            False,
            details,
            _("Replace it with a text file that this user can read, or move it elsewhere."),
        )


def copying(prefix: Prefix) -> Iterator[HostResult]:
    """Try what a backup needs: reading all settings and data and, as root, setting the owners of copies."""
    name, foreign, path = _("Backup"), None, str(prefix.data)
    advice = _("Give this user read permission on the settings and data, or run the command as their owner.")
    try:
        for entry in backup_files.of_the_user(prefix):
            path = entry.path
            if entry.is_file and not entry.here.do(os.access, entry.name, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            foreign = foreign or (entry if entry.status.st_uid != 0 else None)
    except FileNotFoundError:
        return  # the application is running, which the finding on processes reports
    except PermissionError as error:
        details = _("{path} cannot be read, but must be backed up").format(path=error.filename or path)
        yield HostResult(name, False, details, advice)
        return
    if sys.platform == "win32" or os.geteuid() != 0 or foreign is None or trouble_writing(nearest(prefix.backups)):
        return
    status, shown = foreign.status, foreign.path
    with temp_folders.beside(nearest(prefix.backups)) as folder:
        try:
            os.chown(folder, status.st_uid, status.st_gid)
        except OSError as error:
            details = _("cannot set the owner of a copy of {path}: {reason}").format(
                path=shown, reason=troubles.reason(error, troubles.WRITING)
            )
            yield HostResult(
                name, False, details, _("Run the command as its owner, or give root the capability CAP_CHOWN.")
            )
