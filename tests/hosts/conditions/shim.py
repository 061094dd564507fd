"""Runs inside a closed host: brings about what a process inherits, then becomes the program that is named.

usage: shim.py JSON PROGRAM ARGUMENT… What the JSON may hold: ``closed`` descriptors, ``streams`` (descriptor → path),
``broken`` descriptors (pipes without a reader), ``stuck`` (pipes that nobody reads), ``limits`` (name → most),
``ignored`` signals, ``blocked`` signals, ``umask``, ``refused`` (system call → errno), ``terminal`` (rows, columns),
``hangs_up`` (the terminal goes away), ``session`` (none of a terminal).
"""

import errno
import json
import os
import resource
import signal
import struct
import sys

# of x86-64 (asm/unistd_64.h)
CALLS = {
    "ioctl": 16, "sendfile": 40, "socket": 41, "socketpair": 53, "flock": 73, "fsync": 74, "fdatasync": 75,
    "link": 86, "symlink": 88, "chmod": 90, "fchmod": 91, "chown": 92, "rename": 82, "kill": 62, "setpgid": 109, "setsid": 112,
    "statfs": 137, "fstatfs": 138, "tkill": 200, "renameat": 264, "sync": 162, "setxattr": 188, "lsetxattr": 189,
    "fsetxattr": 190, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193, "listxattr": 194, "llistxattr": 195,
    "flistxattr": 196, "sched_getaffinity": 204, "linkat": 265, "symlinkat": 266, "fchmodat": 268, "splice": 275,
    "utimensat": 280, "fallocate": 285, "eventfd2": 290, "epoll_create1": 291, "syncfs": 306, "renameat2": 316,
    "getrandom": 318, "memfd_create": 319, "copy_file_range": 326, "statx": 332, "io_uring_setup": 425,
    "pidfd_open": 434, "clone3": 435, "close_range": 436, "openat2": 437, "faccessat2": 439, "fchmodat2": 452,
}  # fmt: skip
SET_NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2  # prctl(2)
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF, absolute loads and constants
ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # seccomp(2)


def refuse(refused):
    """Let the kernel answer system calls with errors, for this process and all that it starts (seccomp(2))."""
    import ctypes

    code = [(LOAD, 0, 0, 0)]  # the number of the call
    for name, error in refused.items():
        code += [(EQUAL, 0, 1, CALLS[name]), (RETURN, 0, 0, ERRNO | getattr(errno, error))]
    code.append((RETURN, 0, 0, ALLOW))
    program = b"".join(struct.pack("HBBI", *line) for line in code)
    stored = ctypes.create_string_buffer(program)
    described = struct.pack("HxxxxxxP", len(code), ctypes.addressof(stored))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((SET_NO_NEW_PRIVS, 1, 0, 0, 0), (SET_SECCOMP, FILTER, described, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


def set_streams(spec):
    for number in spec.get("broken", ()):
        reads, writes = os.pipe()
        os.close(reads)
        os.dup2(writes, number)
    for number in spec.get("stuck", ()):
        _reads, writes = os.pipe()  # the reading end stays open and is never read
        os.set_inheritable(_reads, True)
        os.dup2(writes, number)
    for number, path in spec.get("streams", {}).items():
        os.dup2(os.open(path, os.O_RDWR if int(number) else os.O_RDONLY), int(number))
    for number in spec.get("closed", ()):
        os.close(number)


def set_process(spec):
    if "umask" in spec:
        os.umask(spec["umask"])
    if spec.get("session"):
        os.setsid()
    for name in spec.get("ignored", ()):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in spec.get("blocked", ())])
    for name, most in spec.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (most, most))


def in_terminal(spec):
    """Go on in a child that has a terminal of a size; the parent copies what it writes, or hangs up, and ends as it."""
    import fcntl
    import pty
    import termios

    child, terminal = pty.fork()
    if not child:
        return
    if "terminal" in spec:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *spec["terminal"], 0, 0))
    try:
        while True:
            data = os.read(terminal, 4096)
            if not data:
                break
            if spec.get("hangs_up"):
                os.close(terminal)
                break
            os.write(1, data)
    except OSError:
        pass  # EIO: the child has ended
    status = os.waitpid(child, 0)[1]
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def main():
    spec = json.loads(sys.argv[1])
    if "terminal" in spec or spec.get("hangs_up"):
        in_terminal(spec)
    set_process(spec)
    set_streams(spec)
    if "refused" in spec:
        refuse(spec["refused"])
    os.execv(sys.argv[2], sys.argv[2:])


main()
