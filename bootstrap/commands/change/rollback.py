"""``rollback``: activate the previous release again; settings stay, and data unless an upgrade migrated it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common, rehearsal
from bootstrap.commands.change.install import version_of
from installer.layout.location.finding import find_prefix
from installer.layout.prefix import Prefix
from installer.release import lacks
from installer.release.installation import Installation
from shared.errors import RagtraceError
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import arrow, show, show_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = _(
        "Settings and data stay as they are; the previous data is restored only if the upgrade migrated it. For "
        "older data, roll back first, then run `backup list` and `backup restore ID`."
    )
    common.add_wait(parser)
    rehearsal.add_dry_run(parser)
    parser.add_argument("--to", metavar=_("RELEASE"), help=_("roll back to this retained release (see status)"))


def run(arguments: argparse.Namespace) -> int:
    """Roll back and print the active release."""
    if arguments.dry_run:
        return rehearsal.rehearse(arguments, lambda: foresee(arguments))
    progress = common.progress_of(arguments)
    outcome = api.rollback(arguments.prefix, to=arguments.to, progress=progress, wait=arguments.wait)
    prefix = Prefix(outcome.prefix)
    release = prefix.release(outcome.active)
    lacking = lacks.find(Installation(prefix, release, release.manifest()))
    if arguments.json:
        show_json(common.outcome_json(outcome, lacking))
    else:
        former, version = version_of(prefix, outcome.former), release.manifest().product.version
        if former:
            text = _("Rolled back {former} {arrow} {version}.")
            show(text.format(former=former, arrow=arrow(), version=version))
        common.show_outcome(outcome)
        common.show_lacking(lacking)
    with suppress(RagtraceError):  # a damaged policy is reported by trust and validate
        common.warn_untrusted(api.why_untrusted(outcome.prefix))
    return DONE


def foresee(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield what a rollback would do."""
    release, trouble, data = api.plan_rollback(arguments.prefix, to=arguments.to)
    prefix = find_prefix(arguments.prefix)
    active = prefix.active()
    yield _("Would activate {release} ({version}).").format(
        release=release.id, version=version_of(prefix, release.id) or "?"
    )
    if active is not None:
        yield _("Would deactivate {release} ({version}); it stays on this host.").format(
            release=active.id, version=version_of(prefix, active.id) or "?"
        )
    if trouble:
        yield _("It is damaged and would be rebuilt from the store: {reason}.").format(reason=trouble)
    if data:
        yield _("The data of that version, set aside by the upgrade, would return.")
