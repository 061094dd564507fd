"""``uninstall``: remove the application; the user's settings and data stay unless they are purged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.api.here import trust_stores
from bootstrap.commands import common, rehearsal
from installer.layout.location.finding import find_prefix
from installer.logs.runlog import RUN
from shared.errors import UsageError
from shared.i18n import _
from shared.programs import embedded
from shared.terminal.commandline import DONE
from shared.terminal.console import answer, can_ask, complain, show, show_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    common.add_wait(parser)
    parser.add_argument(
        "--purge",
        action="store_true",
        help=_("also remove data, settings, models, backups and the audit log, permanently"),
    )
    rehearsal.add_dry_run(parser)
    parser.add_argument(
        "--audit-log",
        type=Path,
        metavar=_("FILE"),
        help=_("first verify the audit log and export it to this file"),
    )
    parser.add_argument("--yes", action="store_true", help=_("do not ask for confirmation"))


def run(arguments: argparse.Namespace) -> int:
    """Ask for confirmation, uninstall, and print the remaining paths."""
    root = find_prefix(arguments.prefix, allow_uninstalled=arguments.purge).root
    if arguments.dry_run:
        return rehearsal.rehearse(arguments, lambda: foresee(root, purge=arguments.purge))
    if not arguments.yes:
        confirm(root, purge=arguments.purge)
    progress = common.progress_of(arguments)
    if arguments.audit_log is not None:
        api.export_audit_log(arguments.audit_log, root)
    removal = api.uninstall(root, purge=arguments.purge, progress=progress, wait=arguments.wait)
    if arguments.json:
        show_json(
            {
                "prefix": str(removal.prefix),
                "stays": [str(path) for path in removal.stays],
                "outside": [{"path": str(path), "what": what} for path, what in outside()],
                "audit_head": removal.audit_head,
                "run": RUN,
            }
        )
        return DONE
    show(_("Removed: {path}").format(path=removal.prefix))
    for path in removal.stays:
        show(_("Stays:   {path}").format(path=path))
    for path, what in outside():
        show(_("Outside: {path} ({what})").format(path=path, what=what))
    if arguments.audit_log is not None:
        show(_("Audit log exported to: {path}").format(path=arguments.audit_log))
    show(_("Audit log head: {head}").format(head=removal.audit_head))
    return DONE


def foresee(root: Path, *, purge: bool) -> Iterator[str]:
    """Yield what an uninstallation would remove, and what would stay."""
    if purge:
        text = _("Would remove {path} with all data, settings, models, backups and the audit log.")
        yield text.format(path=root)
        return
    yield _("Would remove the application in {path}.").format(path=root)
    for path in api.worth_keeping(root):
        yield _("Would stay: {path}").format(path=path)


def outside() -> list[tuple[Path, str]]:
    """Return what this tool leaves outside of the prefix, even with --purge, and what it is."""
    cache = embedded.launcher()
    found = [
        (common.user_logs(), _("logs of this user's runs")),
        (trust_stores().own, _("the record of accepted releases, which prevents a downgrade later")),
        *([(Path(cache.opened["folder"]), _("the unpacked installer; it may be deleted"))] if cache else []),
    ]
    return [(path, what) for path, what in found if path.is_dir()]


def confirm(root: Path, *, purge: bool) -> None:
    """Raise UsageError unless the user confirms at a terminal."""
    if not can_ask():
        raise UsageError(
            _("No terminal is available to confirm the removal of {path}.").format(path=root),
            advice=_("Add --yes to remove it without asking; --audit-log FILE exports the audit log first.")
            if purge
            else _("Add --yes to remove it without asking."),
        )
    if purge:
        complain(
            _(
                "This removes {path} with all data, settings, models, backups and the audit log, which --audit-log "
                "FILE would export first. Type yes:"
            ).format(path=root)
        )
    else:
        complain(
            _(
                "This removes the application in {path}; data, settings, models, backups and the audit log stay. "
                "Type yes:"
            ).format(path=root)
        )
    if answer() not in ("yes", _("yes")):
        raise UsageError(_("Nothing was changed."), advice=_("Type yes, or add --yes, to remove it."))
