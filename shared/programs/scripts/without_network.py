"""Remove network access except loopback, then execute a program in this process (validator/trials/apart.py).

Root gets a network namespace (unshare(2)), other users one inside a user namespace in which the process retains its
own IDs (user_namespaces(7)); loopback is down in a new one and must be enabled (netdevice(7)). Then, if given, another
user's IDs are set, and a folder is entered with the rights of the program's user.
"""

import os
import sys

NEWNET, NEWUSER, SIOCSIFFLAGS, UP = 0x40000000, 0x10000000, 0x8914, 1


def leave_network() -> None:
    """Enter a new network namespace, with loopback up."""
    import ctypes
    import fcntl
    import socket
    import struct

    user, group = os.geteuid(), os.getegid()
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(NEWNET):
        if unshare(NEWNET | NEWUSER):
            sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open("/proc/self/" + name, "w") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP))


def main(ids: str, folder: str, *argv: str) -> None:
    """Execute ``argv``, with the IDs ``user:group:group,...`` if given; without ``argv``, only test that this works."""
    leave_network()
    if ids:
        user, group, groups = ids.split(":")
        os.setgroups([int(one) for one in groups.split(",") if one])
        os.setgid(int(group))
        os.setuid(int(user))
    if folder:
        os.chdir(folder)
    if argv:
        os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
