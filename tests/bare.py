"""Runs one of our programs as a service starts it: nothing in the environment, no network, a home or none.

``python -m tests.bare HOME FOLDER MODULE [ARGUMENT …]``: HOME is what the host's list of users names, ``-`` stands
for a user whom it does not know; FOLDER is where the program stands. The zipapp is a stand-in.
"""

from __future__ import annotations

import os
import pwd
import runpy
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

REAL_LOOKUP, REAL_CONNECT, REAL_USER = socket.getaddrinfo, socket.socket.connect, pwd.getpwuid(os.getuid())
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def lookup(host: Any, *rest: Any, **more: Any) -> Any:
    """Know no name but this machine's own."""
    if host not in LOOPBACK:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return REAL_LOOKUP(host, *rest, **more)


def connect(self: socket.socket, address: Any) -> None:
    """Reach nothing but this machine."""
    if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
        raise OSError(101, "Network is unreachable")
    REAL_CONNECT(self, address)


def main() -> None:
    """Take away what this machine's user has, then be the program."""
    home, folder, module, *arguments = sys.argv[1:]
    assert not {name for name in os.environ if name not in ("LC_CTYPE", "__CF_USER_TEXT_ENCODING")}, os.environ

    def user(_uid: int) -> Any:
        if home == "-":
            raise KeyError(_uid)
        return pwd.struct_passwd((*REAL_USER[:5], home, REAL_USER[6]))

    pwd.getpwuid = user
    socket.getaddrinfo, socket.socket.connect = lookup, connect  # type: ignore[assignment]
    if module == "builder":
        import builder.models.hub
        from builder.zipapp import pack
        from tests.builder.evidence_project import stand_in

        pack.build_zipapp = stand_in
        builder.models.hub.pause_after = lambda *_arguments: 0.0  # type: ignore[attr-defined]
    else:
        from installer.trust import stores

        own = stores.host_trust_stores

        def host_trust_stores() -> stores.TrustStores:
            return replace(own(), host=Path(folder, "host", "trust"), top=Path(folder))

        stores.host_trust_stores = host_trust_stores
    os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
