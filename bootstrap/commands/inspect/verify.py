"""``verify``: print the signers and contents of a bundle, and verify that every byte matches what was signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common
from bundle.description import describe, lines
from installer.trust.stores import host_trust_stores
from shared.i18n import plural
from shared.programs import embedded
from shared.terminal.commandline import DONE
from shared.terminal.console import show, show_json

if TYPE_CHECKING:
    import argparse

    from installer.layout.prefix import Prefix


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    common.add_bundle(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify the bundle and describe it."""
    bundle = api.verify(arguments.bundle, trusted_keys=arguments.trust_key, progress=common.progress_of(arguments))
    prefix = api.prefix_for(bundle, arguments.prefix)
    facts = {**describe(bundle), "prefix": str(prefix.root), "writes": [str(folder) for folder in written(prefix)]}
    if arguments.json:
        show_json(facts)
        return DONE
    for line in lines(facts):
        show(line)
    added = facts["files"] - (facts["base"]["files"] if facts["base"] else 0)
    show(
        plural("{count} file matches its signed digest", "all {count} files match their signed digests", added).format(
            count=added
        )
    )
    return DONE


def written(prefix: Prefix) -> list[Path]:
    """Return the folders that an installation writes to: prefix, trust records, logs, and the installer's cache."""
    cache = embedded.launcher()
    own = [Path(cache.opened["folder"])] if cache else []
    return [prefix.root, host_trust_stores().own, common.user_logs(), *own]
