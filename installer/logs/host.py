"""The names of this host: the one that it has in its network, and an identifier made from its machine ID."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys

MACHINE_ID = re.compile(rb"[0-9a-f]{32}")  # machine-id(5); an image for cloning contains "uninitialized" or nothing
HOSTNAME_LIMIT = 255  # characters (RFC 1035, 2.3.4)


def hostname() -> str:
    """Return the name of this host as printable text, or "?" if it has none."""
    name = socket.gethostname().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:HOSTNAME_LIMIT] or "?"


def machine_id() -> str | None:
    """Return 16 hex digits made from the machine ID, or None if this host has none.

    They are an application-specific hash, as machine-id(5) requires: the ID itself is confidential.
    """
    found = _machine_guid() if sys.platform == "win32" else _machine_id()
    return _hashed(found) if found and MACHINE_ID.fullmatch(found) and found.strip(b"0") else None


def host_id() -> str:
    """Return 16 hex digits for this host, made from the machine ID, or else from the host name.

    Hosts that share a machine ID have the same: only an Identity distinguishes them.
    """
    return _hashed(_machine_id() or os.fsencode(socket.gethostname()))


def _hashed(identity: bytes) -> str:
    return hashlib.sha256(b"ragtrace-report@v1\0" + identity).hexdigest()[:16]


def _machine_id() -> bytes:
    """Return the contents of /etc/machine-id, or nothing."""
    try:
        with open("/etc/machine-id", "rb") as file:
            return file.read(128).strip()
    except OSError:
        return b""


def _machine_guid() -> bytes:
    """Return the digits of the identifier that Windows Setup gave this host, or nothing."""
    if sys.platform == "win32":
        import winreg

        try:
            # a 32-bit process would read another branch of the registry
            access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography", 0, access) as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0]).replace("-", "").lower().encode()
        except OSError:
            pass
    return b""
