"""The command line of ``ragtrace-install.pyz``, entered from ``launch.run`` (bootstrap/launch).

A command's module is imported only when the command is run.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from installer.layout.location.own_command import installed, program, zipapp
from shared import __version__
from shared.i18n import _
from shared.terminal.parser import Parser

if TYPE_CHECKING:
    from types import ModuleType

    from installer.logs.collector_address import Address


def commands() -> dict[str, str]:
    """Return the one-line help of each command, in the order in which they are usually needed on a host."""
    return {
        "verify": _("verify the signatures and every byte of a bundle"),
        "index": _("write the wheels of a bundle as a package index for pip and uv"),
        "install": _("install a bundle as a new release and activate it"),
        "status": _("show what is installed"),
        "validate": _("check whether this host can run the application"),
        "list-checks": _("list the checks that validate runs"),
        "compare": _("show what changed between two validate reports"),
        "monitor": _("show or record the resources that the application uses"),
        "schedule": _("have this host validate and monitor the installation regularly"),
        "recover": _("repair an installation"),
        "rollback": _("activate the previous version again"),
        "backup": _("back up settings and data, list or restore backups"),
        "history": _("show past changes: what, when, by whom and from which bundle"),
        "audit-log": _("show, verify or export the audit log"),
        "uninstall": _("uninstall the application; data, settings and backups stay"),
        "upgrade": _("verify a newer release, then install it with its own installer"),
        "advisories": _("show or update the advisories, or scan with them"),
        "trust": _("show or update the trust policy of this host"),
        "statement": _("make a signed statement of this installation for a centre"),
        "fleet": _("show one table of the statements of many hosts"),
    }


# the subpackage of ``bootstrap.commands`` that contains a command, if it is not ``inspect``
ROOMS = {
    **dict.fromkeys(
        ("install", "offer", "upgrade", "rollback", "uninstall", "recover", "backup", "schedule"), "change"
    ),
    **dict.fromkeys(("trust", "advisories"), "trust"),
    **dict.fromkeys(("statement", "fleet"), "fleet"),
}


def module_of(command: str) -> ModuleType:
    """Import and return the module of a command."""
    room = ROOMS.get(command, "inspect")
    return importlib.import_module(f"bootstrap.commands.{room}.{command.replace('-', '_')}")


def offer_is_due() -> bool:
    """Return whether the tool, called without a command, lies next to a bundle that it can offer to install."""
    running = zipapp()
    return installed() is None and running is not None and (running.parent / "SHA256SUMS").is_file()


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, run the command and return its exit code."""
    from shared.terminal import console

    console.steady()
    try:
        return _main(argv)
    finally:
        console.flush()


def _main(argv: list[str] | None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    offered = not arguments and offer_is_due()
    arguments = ["install"] if offered else arguments
    name = next((word for word in arguments if not word.startswith("-")), None)
    parser = Parser(
        prog=program(),
        description=_("Install an application from its signed bundle, without network access."),
    )
    version = f"ragtrace-install {__version__}"
    parser.add_argument("--version", action="version", version=version, help=_("show the version and exit"))
    table = parser.add_subparsers(dest="command", metavar=_("COMMAND"), required=True)
    for command, text in commands().items():
        sub = table.add_parser(command, help=text, description=text)
        if command == name:
            module = module_of(command)
            add_common(sub)
            module.configure(sub)
            sub.set_defaults(run=module_of("offer").run if offered else module.run)
    parsed = parser.parse_args(arguments)
    from bootstrap.commands import common
    from shared.terminal.commandline import run_command  # not needed for --version and --help

    if os.name == "posix":
        os.umask(0o022)  # regardless of the caller's umask, installed files get exactly the modes that are set
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if ignored, the kernel drops exit statuses
    common.tidy()
    code = run_command(common.settle_prefix_option, parsed)
    if code:
        return code
    with common.logged(parsed):
        return run_command(parsed.run, parsed)


def folder(text: str) -> Path:
    """Parse the path of a folder; rejects an empty string, which an unset variable expands to."""
    if not text:
        raise argparse.ArgumentTypeError(_("must not be empty"))
    return Path(text)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    named = os.environ.get("RAGTRACE_PREFIX")
    parser.add_argument(
        "--prefix",
        type=folder,
        default=Path(named) if named else None,
        metavar=_("FOLDER"),
        help=_("the installation prefix"),
    )
    parser.add_argument(
        "--syslog",
        type=collector,
        default=os.environ.get("RAGTRACE_SYSLOG") or None,
        metavar=_("HOST:PORT"),
        help=_("send the log to this collector too; for TCP, TLS or RELP, prefix it with tcp://, tls:// or relp://"),
    )
    parser.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    parser.add_argument("--quiet", action="store_true", help=_("show only the result, not the progress"))


def collector(text: str) -> Address:
    """Parse the address of a log collector, for argparse."""
    from installer.logs.collector_address import parse_address
    from shared.errors import UsageError

    try:
        return parse_address(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.what} {error.advice}") from error


if __name__ == "__main__":
    sys.exit(main())
