"""``cache``: show the contents of the builder's cache, or prune it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.fetch.cache import Cache, default_cache
from shared.errors import UsageError
from shared.i18n import _, plural
from shared.terminal import commandline
from shared.terminal.console import human_bytes, show, show_json

if TYPE_CHECKING:
    import argparse

DAYS = 90


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of this command."""
    table = parser.add_subparsers(dest="action", metavar=_("ACTION"), required=True)
    info = table.add_parser("info", help=_("show the location and contents of the cache"))
    prune = table.add_parser("prune", help=_("remove files that no build has used for a while"))
    prune.add_argument(
        "--unused-for",
        type=int,
        default=DAYS,
        metavar=_("DAYS"),
        help=_("days since the last use (default: %(default)s)"),
    )
    prune.add_argument("--dry-run", action="store_true", help=_("show what would be removed, without removing it"))
    for sub, action in ((info, run_info), (prune, run_prune)):
        sub.add_argument("--cache-dir", type=Path, metavar=_("FOLDER"), help=_("where downloads are stored"))
        sub.add_argument("--json", action="store_true", help=_("write the result as JSON"))
        sub.set_defaults(run=action)


def run_info(arguments: argparse.Namespace) -> int:
    """Show the location and the contents of the cache."""
    cache = Cache(arguments.cache_dir or default_cache())
    contents = cache.contents()
    if arguments.json:
        show_json({"folder": str(cache.root), **contents.to_json()})
        return commandline.DONE
    show(_("Cache:     {folder}").format(folder=cache.root))
    show(_("Files:     {count}, {size}").format(count=contents.files, size=human_bytes(contents.size)))
    show(_("Partial:   {count}, {size}").format(count=contents.partial, size=human_bytes(contents.partial_size)))
    return commandline.DONE


def run_prune(arguments: argparse.Namespace) -> int:
    """Remove files that no build has used for a number of days."""
    if arguments.unused_for < 0:
        raise UsageError(_("{days} is not a valid number of days.").format(days=arguments.unused_for))
    cache = Cache(arguments.cache_dir or default_cache())
    count, freed = cache.prune(arguments.unused_for, dry_run=arguments.dry_run)
    if arguments.json:
        show_json({"folder": str(cache.root), "files": count, "bytes": freed, "removed": not arguments.dry_run})
    elif arguments.dry_run:
        show(
            plural("Would remove {count} file, {size}.", "Would remove {count} files, {size}.", count).format(
                count=count, size=human_bytes(freed)
            )
        )
    else:
        show(
            plural("Removed {count} file, {size}.", "Removed {count} files, {size}.", count).format(
                count=count, size=human_bytes(freed)
            )
        )
    return commandline.DONE
