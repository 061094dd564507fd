"""``rebuild``: rebuild a finished bundle and report whether the result is byte-identical."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.commands.common import add_project, project_of
from builder.fetch.cache import Cache, default_cache
from builder.rebuild import Again, rebuild
from shared.files import temp_folders
from shared.i18n import _
from shared.terminal.commandline import CHECKS_FAILED, DONE
from shared.terminal.console import show, show_json
from shared.terminal.progress import make_progress

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("--check", type=Path, required=True, metavar=_("BUNDLE"), help=_("the bundle folder"))
    add_project(parser)
    add("--profile", metavar=_("PROFILE"), help=_("the profile, if it is not in the project"))
    add(
        "--model",
        action="append",
        default=[],
        metavar="NAME=path:DIR",
        help=_("the current location of a model's folder; may be repeated"),
    )
    add(
        "--with-python",
        metavar=_("FILE|VERSION"),
        help=_("the location of the Python interpreter that the bundle contains"),
    )
    add("--exceptions", type=Path, metavar=_("FILE"), help=_("the signed exceptions that the build used"))
    add("--cache-dir", type=Path, metavar=_("FOLDER"), help=_("where downloads are stored"))
    add(
        "--scratch-dir",
        type=Path,
        metavar=_("FOLDER"),
        help=_("where to build (default: the system's temporary folder)"),
    )
    add("--offline", action="store_true", help=_("do not use the network: everything must be in the cache"))
    add("--quiet", action="store_true", help=_("show only the result, not the progress"))
    add("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rebuild the bundle, compare the result, and show each difference."""
    with temp_folders.scratch(arguments.scratch_dir) as scratch:
        again = Again(
            bundle=arguments.check,
            project_root=project_of(arguments),
            cache=Cache(arguments.cache_dir or default_cache()),
            scratch=scratch,
            profile=arguments.profile,
            models=tuple(arguments.model),
            python=arguments.with_python,
            exceptions=arguments.exceptions,
            offline=arguments.offline,
            lock=arguments.lock,
            script=arguments.script,
        )
        differences = rebuild(again, make_progress(quiet=arguments.quiet))
    if arguments.json:
        found = [{"place": one.place, "reason": one.reason} for one in differences]
        show_json({"bundle": str(arguments.check), "same": not found, "differences": found})
    elif differences:
        show(_("Not byte-identical:"))
        for one in differences:
            show(f"  {one.place}: {one.reason}")
    else:
        show(_("Byte-identical: {bundle}").format(bundle=arguments.check))
    return CHECKS_FAILED if differences else DONE
