"""``rollback``: activate the previous release again; settings stay, and data unless an upgrade migrated it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common
from installer.layout.prefix import Prefix
from installer.release import lacks
from installer.release.installation import Installation
from shared.errors import RagtraceError
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import show_json

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _(
        "Settings and data stay as they are; the previous data is restored only if the upgrade migrated it. "
        "For older data, roll back first, then run backup list and backup restore ID."
    )
    common.add_wait(parser)
    parser.add_argument("--to", metavar=_("RELEASE"), help=_("roll back to this retained release (see status)"))


def run(arguments: argparse.Namespace) -> int:
    """Roll back and print the active release."""
    progress = common.progress_of(arguments)
    outcome = api.rollback(arguments.prefix, to=arguments.to, progress=progress, wait=arguments.wait)
    prefix = Prefix(outcome.prefix)
    release = prefix.release(outcome.active)
    lacking = lacks.find(Installation(prefix, release, release.manifest()))
    if arguments.json:
        show_json(common.outcome_json(outcome, lacking))
    else:
        common.show_outcome(outcome)
        common.show_lacking(lacking)
    with suppress(RagtraceError):  # a damaged policy is reported by trust and validate
        common.warn_untrusted(api.why_untrusted(outcome.prefix))
    return DONE
