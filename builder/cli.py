"""The command table of ``python -m builder``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.bug_log import BugLog
from builder.commands import advisories, build, cache, inspect, keygen, policy, profile, rebuild, sign, targets
from builder.own_command import program
from fleet import command as fleet
from shared import __version__
from shared.files import temp_folders
from shared.i18n import _
from shared.terminal import commandline
from shared.terminal.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


def make_parser() -> Parser:
    """Return the argument parser of all commands."""
    parser = Parser(
        prog=program(),
        description=_("Build signed offline bundles of uv-locked projects."),
    )
    version = f"ragtrace-builder {__version__}"
    parser.add_argument("--version", action="version", version=version, help=_("show the version and exit"))
    table = parser.add_subparsers(dest="command", metavar=_("COMMAND"), required=True)
    for module, name, text in (
        (build, "build", _("build a bundle and its installer")),
        (profile, "profile", _("write a profile for a project, or check one")),
        (targets, "targets", _("show the targets for which a lockfile has all wheels")),
        (cache, "cache", _("show or prune the download cache")),
        (keygen, "keygen", _("create a signing key")),
        (sign, "sign", _("add a signature to a finished bundle")),
        (policy, "policy", _("create, sign or show the policies of hosts")),
        (advisories, "advisories", _("create snapshots of known vulnerabilities, and exceptions for findings")),
        (rebuild, "rebuild", _("rebuild a finished bundle and compare the bytes")),
        (inspect, "inspect", _("show the contents of a bundle")),
        (fleet, "fleet", _("show one table of the statements of many hosts")),
    ):
        module.configure(table.add_parser(name, help=text, description=text))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, and return its exit code."""
    parsed = make_parser().parse_args(argv)
    temp_folders.tidy()
    log = BugLog()
    try:
        code = commandline.run_command(parsed.run, parsed)
        if code == commandline.BUG:
            log.show()
    finally:
        log.close()
    return code
