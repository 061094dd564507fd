"""Run a program in namespaces of its own (Linux): a program by itself, standard library only, given as text.

It has no network but its own loopback, no other processes, and a filesystem with the system's programs, read-only, and
the folders that the request names. Neither homes, keys, sockets of agents, caches nor the project are in it. Arguments:
the request as JSON, then the program. Its exit code ``refused`` and a line on stderr mean that this host does not
allow it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import platform
import signal
import socket
import struct
import sys
from typing import Any

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE, RELATIME = 1, 2, 4, 32, 4096, 16384, 1 << 18, 1 << 21
KEPT = NOSUID | NODEV | 8 | 1024 | 2048  # flags that statvfs and mount number alike; ST_RELATIME is RELATIME's
ST_RELATIME = 4096
DETACH = 2
PDEATHSIG, CAPBSET_DROP, NO_NEW_PRIVS = 1, 24, 38
SETATTR, AT_RECURSIVE, AT_FDCWD, ATTR_RDONLY = 442, 0x8000, -100, 1  # mount_setattr(2), the same number everywhere
PIVOT = {"x86_64": 155, "aarch64": 41}
# of /etc only what programs need to start; never keys or passwords
ETC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld-musl-x86_64.path", "ld-musl-aarch64.path"),
    *("passwd", "group", "nsswitch.conf", "localtime", "os-release", "hosts", "protocols", "services", "mime.types"),
    *("ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted", "ca-certificates"),
)
DEVICES = ("null", "zero", "full", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)
libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)


def check(result: int, what: str) -> None:
    """Raise OSError if a call of the C library failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount a filesystem; the arguments are those of the system call."""
    result = libc.mount(os.fsencode(source), os.fsencode(target), kind.encode(), flags, data.encode())
    check(result, f"mount {target}")


def seal(path: str) -> None:
    """Make a mount and those below it read-only; before Linux 5.12, itself alone."""
    attributes = struct.pack("QQQQ", ATTR_RDONLY, 0, 0, 0)
    if libc.syscall(SETATTR, AT_FDCWD, os.fsencode(path), AT_RECURSIVE, attributes, len(attributes)) == 0:
        return
    flags = os.statvfs(path).f_flag
    kept = (flags & KEPT) | (RELATIME if flags & ST_RELATIME else 0)
    mount("none", path, flags=BIND | REMOUNT | RDONLY | kept)


def bind(root: str, path: str, *, writable: bool = False) -> None:
    """Show a file or folder of this system at the same place below ``root``; a link as the same link."""
    place = root + path
    if not os.path.lexists(path) or os.path.ismount(place):
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.islink(path):
        if not os.path.lexists(place):
            os.symlink(os.readlink(path), place)
        return
    if os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
    elif not os.path.lexists(place):
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
    mount(path, place, flags=BIND | REC)
    if not writable:
        seal(place)


def loopback() -> None:
    """Start the loopback interface, which programs may use to talk to themselves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def furnish(root: str, request: dict[str, Any]) -> None:
    """Mount everything that the program may see below ``root``."""
    mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "mode=0755")
    for path in (*request["system"], *(f"/etc/{name}" for name in ETC)):
        bind(root, path)
    for path in request["hidden"]:
        if os.path.isdir(root + path):
            mount("tmpfs", root + path, "tmpfs", NOSUID | NODEV, "mode=0755")
    for name in DEVICES:
        bind(root, f"/dev/{name}", writable=True)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{root}/dev/{name}")
    for name, mode in (("tmp", "1777"), ("dev/shm", "1777"), ("proc", "")):
        os.makedirs(f"{root}/{name}", exist_ok=True)
        if mode:
            mount("tmpfs", f"{root}/{name}", "tmpfs", NOSUID | NODEV, f"mode={mode}")
    with contextlib.suppress(OSError):  # a container may not allow it; this host's own would show other processes
        mount("proc", f"{root}/proc", "proc", NOSUID | NODEV | 8)
    for path in request["readable"]:
        bind(root, path)
    for path in request["writable"]:
        bind(root, path, writable=True)


def enter(root: str) -> None:
    """Make ``root`` the root of the filesystem, itself read-only, and let go of the previous one."""
    mount("none", root, flags=BIND | REMOUNT | RDONLY | NOSUID | NODEV)
    os.chdir(root)
    check(libc.syscall(PIVOT[platform.machine()], b".", b"."), "pivot_root")
    check(libc.umount2(b".", DETACH), "umount")
    os.chdir("/")


def become_harmless() -> None:
    """Give up all capabilities for good, and end with the process that started this one."""
    libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for capability in range(64):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    check(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def leave_host() -> None:
    """Enter new namespaces; also one of users, unless only root may."""
    user, group = os.getuid(), os.getgid()
    every = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET
    if libc.unshare(every | NEWUSER) == 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    else:
        check(libc.unshare(every), "unshare")
    mount("none", "/", flags=REC | PRIVATE)


def main(request: dict[str, Any], argv: list[str]) -> int:
    """Run the program and return its exit code (128 and more: a signal), or the one for a refusal."""
    os.closerange(3, 4096)
    try:
        leave_host()
        child = os.fork()
        if child == 0:
            loopback()
            furnish(request["root"], request)
            enter(request["root"])
            os.chdir(request["cwd"])
            become_harmless()
    except (OSError, KeyError) as error:
        sys.stderr.write(f"enclosed: {error}\n")
        os._exit(request["refused"])
    if child == 0:
        os.execve(argv[0], argv, dict(os.environ))  # noqa: S606
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
