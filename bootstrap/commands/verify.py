"""``verify``: who signed a bundle, what is in it, and whether every byte is as signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commandline import DONE
from bootstrap.commands import common
from bootstrap.console import show, show_json
from bootstrap.description import describe, lines
from bootstrap.i18n import _

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    common.add_bundle(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify the bundle and describe it."""
    bundle = api.verify(arguments.bundle, trusted_keys=arguments.trust_key, progress=common.progress_of(arguments))
    facts, prefix = describe(bundle), api.prefix_for(bundle, arguments.prefix)
    if arguments.json:
        show_json({**facts, "prefix": str(prefix.root)})
        return DONE
    for line in lines(facts, prefix=str(prefix.root)):
        show(line)
    show(_("all {count} files are as signed").format(count=facts["files"]))
    return DONE
