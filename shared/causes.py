"""Reasons and advice for system errors, by cause: the name of an errno, or a more precise name of this tool's own.

The English reasons are those of strerror(3), which users search for; Windows' own error numbers map to these causes.
"""

from __future__ import annotations

from shared.i18n import _

# winerror.h; the other numbers of Windows have an equivalent errno
OF_WINDOWS = {
    5: "EACCES",
    32: "IN_USE",  # ERROR_SHARING_VIOLATION
    33: "IN_USE",  # ERROR_LOCK_VIOLATION
    112: "ENOSPC",
    206: "ENAMETOOLONG",
    225: "VIRUS",  # ERROR_VIRUS_INFECTED
    1314: "PRIVILEGE",  # ERROR_PRIVILEGE_NOT_HELD
}
# the name is at fault: advice on the expected file is more useful than general advice on names
NAMES = frozenset(
    {"ENOENT", "NO_PARENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "ELOOP", "EINVAL", "NO_CAUSE", "NOT_REGULAR", "A_LINK"}
)
KINDS = frozenset({"ENXIO", "ENODEV"})  # a socket, a device without a driver


def reasons() -> dict[str, str]:
    """Return the text of each cause: that of strerror(3), extended or replaced if the cause is more specific."""
    return {**_reasons(), **_reasons_of_ours()}


def _reasons() -> dict[str, str]:
    return {
        "EACCES": _("Permission denied"),
        "EAGAIN": _("Resource temporarily unavailable"),
        "EBUSY": _("Device or resource busy"),
        "EDQUOT": _("Disk quota exceeded"),
        "EEXIST": _("File exists"),
        "EFBIG": _("File too large"),
        "EINVAL": _("Invalid argument"),
        "EIO": _("Input/output error"),
        "EISDIR": _("Is a directory"),
        "ELOOP": _("Too many levels of symbolic links"),
        "EMFILE": _("Too many open files"),
        "ENAMETOOLONG": _("File name too long"),
        "ENFILE": _("Too many open files in system"),
        "ENOENT": _("No such file or directory"),
        "ENOEXEC": _("Exec format error"),
        "ENOMEM": _("Cannot allocate memory"),
        "ENOSPC": _("No space left on device"),
        "ENOTDIR": _("Not a directory"),
        "ENOTEMPTY": _("Directory not empty"),
        "EPERM": _("Operation not permitted"),
        "EROFS": _("Read-only file system"),
        "ESTALE": _("Stale file handle"),
        "ETIMEDOUT": _("Connection timed out"),
        "ETXTBSY": _("Text file busy"),
        "EXDEV": _("Invalid cross-device link"),
    }


def _reasons_of_ours() -> dict[str, str]:
    """Return the texts of causes that are more specific than an errno."""
    return {
        "APPEND_ONLY": _("Operation not permitted, it is append-only (chattr +a)"),
        "IMMUTABLE": _("Operation not permitted, it is immutable (chattr +i)"),
        "IN_USE": _("another program has it open"),
        "NOEXEC": _("Permission denied, its filesystem is mounted noexec"),
        "NO_INODES": _("No space left on device, all inodes are in use"),
        "NO_LOADER": _("No such file or directory (its interpreter or loader is missing)"),
        "NO_NULL": _("{reason}, and no program can start without it"),
        "NO_PARENT": _("No such file or directory, its folder {folder} is missing"),
        "PRIVILEGE": _("this account lacks a required privilege"),
        "VIRUS": _("a virus scanner blocked it"),
    }


def advice() -> dict[str, str]:
    """Return the advice for each cause except missing permissions, for which it depends on the operation."""
    return {**_advice_on_names(), **_advice_on_hosts(), **_advice_on_files()}


def _advice_on_names() -> dict[str, str]:
    return {
        "EEXIST": _("Move it elsewhere, or specify another name."),
        "EINVAL": _(
            "Specify another name, or a folder on a local disk; its filesystem does not support this name or operation."
        ),
        "EISDIR": _("Specify a file, not a folder."),
        "ELOOP": _("Check where its links point (`ls -l`): they form a loop, or no link is allowed there."),
        "ENAMETOOLONG": _("Specify a shorter path."),
        "ENOENT": _("Check the name."),
        "ENOTDIR": _("Check the name: one of its parents is a file, not a folder."),
        "NO_PARENT": _("Check the name, or create the folder {folder}."),
    }


def _advice_on_hosts() -> dict[str, str]:
    return {
        "EDQUOT": _("Free up space or raise this user's quota, then run the same command again."),
        "EFBIG": _("Raise the file size limit (`ulimit -f`), or use a filesystem that supports larger files."),
        "EIO": _("Check the system log and copy what you need elsewhere; the disk or its connection is failing."),
        "ENOSPC": _("Free up space on its filesystem (see `df`), then run the same command again."),
        "EROFS": _("Mount its filesystem read-write, or specify a location on another filesystem."),
        "ESTALE": _("Remount its network share if it is on one, then run the same command again."),
        "ETIMEDOUT": _("Remount its network share if it is on one, then run the same command again."),
        "EXDEV": _("Place both on the same filesystem."),
        "NOEXEC": _("Specify a folder on a filesystem that is not mounted noexec."),
        "NO_INODES": _("Remove files from its filesystem (see `df -i`), then run the same command again."),
        "NO_NULL": _("Create the device (`mknod -m 666 /dev/null c 1 3`), or use the container's own /dev."),
        "PRIVILEGE": _("Run the same command from an administrator prompt."),
        "VIRUS": _("Check the antivirus log; if the file is clean, exclude its folder from scanning."),
    }


def _advice_on_files() -> dict[str, str]:
    return {
        "APPEND_ONLY": _("Remove the attribute (`chattr -a`; see `lsattr`), then run the same command again."),
        "EBUSY": _(
            "Stop the program that uses it, or unmount it if it is a mount point, then run the same command again."
        ),
        "ENOEXEC": _("Provide a file that is built for this host; this one is damaged or built for another system."),
        "ENOTEMPTY": _("Stop the program that is writing there, then run the same command again."),
        "ETXTBSY": _("Stop the running program, then run the same command again."),
        "IMMUTABLE": _("Remove the attribute (`chattr -i`; see `lsattr`), then run the same command again."),
        "IN_USE": _("Close that program, then run the same command again."),
        "NOT_REGULAR": _no_file_of_ours(),
        "A_LINK": _no_file_of_ours(),
        "TOO_LONG": _no_file_of_ours(),
        "NO_LOADER": _("Install the program that its first line names, or provide the file for this host."),
    }


def _no_file_of_ours() -> str:
    return _("Check who created it (`ls -l {path}`), and move it elsewhere; recover repairs an installation.")
