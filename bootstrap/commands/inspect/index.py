"""``index``: write a bundle's wheels as a package index of static files, for pip and uv inside the closed network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common, rehearsal
from shared.i18n import _, plural
from shared.terminal.commandline import DONE
from shared.terminal.console import human_bytes, python_command, show, show_json

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("folder", type=Path, metavar=_("FOLDER"), help=_("the new folder for the index"))
    common.add_bundle(parser)
    rehearsal.add_dry_run(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the index and print how pip uses it."""
    if arguments.dry_run:
        return rehearsal.rehearse(arguments, lambda: [foresee(arguments)])
    written = api.write_index(
        arguments.folder,
        arguments.bundle,
        trusted_keys=arguments.trust_key,
        progress=common.progress_of(arguments),
    )
    url = f"{written.simple.as_uri()}/"
    if arguments.json:
        facts = {"folder": str(written.folder), "url": url, "wheels": written.wheels, "bytes": written.bytes}
        show_json(facts)
        return DONE
    text = plural(
        "Wrote {count} wheel ({size}) to {folder}.", "Wrote {count} wheels ({size}) to {folder}.", written.wheels
    )
    show(text.format(folder=written.folder, count=written.wheels, size=human_bytes(written.bytes)))
    show(_("Install from it: {command}").format(command=f"{python_command()} -m pip install --index-url {url} PACKAGE"))
    return DONE


def foresee(arguments: argparse.Namespace) -> str:
    """Return what would be written."""
    planned = api.plan_index(arguments.folder, arguments.bundle, trusted_keys=arguments.trust_key)
    text = plural(
        "Would write {count} wheel ({size}) to {folder}.",
        "Would write {count} wheels ({size}) to {folder}.",
        planned.wheels,
    )
    return text.format(folder=planned.folder, count=planned.wheels, size=human_bytes(planned.bytes))
