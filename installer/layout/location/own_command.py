"""The command line of the tool: its command in PREFIX/bin if the running zipapp is installed, else the zipapp."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from bundle.names import INSTALLER
from bundle.product.commands import TOOL

COPY_OF = "RAGTRACE_COPY_OF"  # the file that a bundle's script copied to run it


def zipapp() -> Path | None:
    """Return the zipapp that this code runs from, as ``bootstrap.launch`` recorded it, or None in a source tree."""
    named = os.environ.get("RAGTRACE_ZIPAPP")
    return Path(named) if named else None


def folder() -> Path | None:
    """Return the folder that the running zipapp lies in, as its bundle does if there is one, or None in a source tree.

    Where a bundle's script runs a temporary copy, the bundle is not beside that (``bundled_product``).
    """
    running = zipapp()
    return running.parent if running else None


def in_prefix(root: Path) -> Path:
    """Return the tool's command in a prefix as a user types it, without the suffix ``.cmd`` on Windows."""
    return root / "bin" / TOOL


def is_installed(root: Path) -> bool:
    """Return whether the tool's command exists in a prefix."""
    return os.path.lexists(in_prefix(root).with_suffix(".cmd") if sys.platform == "win32" else in_prefix(root))


def installed() -> Path | None:
    """Return the command of the prefix that contains the running zipapp (releases/<id>/bundle/…), or None."""
    running = zipapp()
    if running is None or len(running.parents) < 4:
        return None
    root = running.parents[3]
    stored = running.parent.name == "bundle" and running.parents[2].name == "releases"
    return in_prefix(root) if stored and is_installed(root) else None


def shown_zipapp() -> str:
    """Return the path to show to the operator for the running zipapp.

    A bundle's scripts run a temporary copy and set RAGTRACE_COPY_OF to the original, which is returned if it has the
    same bytes.
    """
    running, named = zipapp(), os.environ.get(COPY_OF, "")
    if running is None:
        return INSTALLER
    if os.path.basename(named) == INSTALLER:
        from bundle.digest import sha256_file

        with suppress(OSError):
            if sha256_file(Path(named)) == sha256_file(running):
                return named
    return str(running)


def bundled_product() -> str | None:
    """Return the product of the bundle that contains the running zipapp, by its unverified manifest, or None."""
    from bundle.manifest import MANIFEST_LIMIT, NAME, parse_manifest
    from shared import reading
    from shared.errors import TrustError

    folder = Path(shown_zipapp()).absolute().parent
    for place in (folder, folder.parent):  # the bundle folder; the root of an unpacked archive
        with suppress(OSError, TrustError):
            return parse_manifest(reading.read(place / NAME, MANIFEST_LIMIT, follow=True)).product.name
    return None


def program() -> str:
    """Return the program name for help and usage."""
    command = installed()
    return command.name if command else os.path.basename(sys.argv[0]) or INSTALLER


def line(*arguments: str, prefix: Path | None = None) -> str:
    """Return a command line of this tool that can be typed on this host; ``prefix``, if given, is passed to it."""
    command = installed()
    if command is not None and prefix in (None, command.parent.parent):
        return quoted([str(command), *arguments])
    from shared.terminal.console import python_command  # --help does not need it

    argv = [python_command(), shown_zipapp(), *arguments]
    return quoted([*argv, "--prefix", str(prefix)] if prefix is not None else argv)


def line_after(tool: Path, *arguments: str) -> str:
    """Return a command line of the tool that has just been installed."""
    return quoted([str(tool), *arguments])


def quoted(argv: list[str]) -> str:
    """Return an argv quoted for this platform's shell."""
    if sys.platform == "win32":
        from subprocess import list2cmdline

        return list2cmdline(argv)
    from shlex import join

    return join(argv)
