"""``backup``: back up settings and data, list backups, restore one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from installer.logs.runlog import RUN
from shared.i18n import _
from shared.terminal import counted
from shared.terminal.commandline import DONE
from shared.terminal.console import human_bytes, show, show_json, visible
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse

    from bootstrap.api import BackupPlan
    from installer.userdata.backup_index import Backup
    from shared.terminal.parser import Parser


CREATE, LIST, RESTORE = "create", "list", "restore"


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    parser.set_defaults(id=None)
    with actions(parser, default=CREATE) as action:
        created = action(CREATE, _("create a backup (the default)"))
        action(LIST, _("list the backups"))
        restored = action(RESTORE, _("restore a backup"))
        restored.add_argument("id", metavar=_("ID"), help=_("the backup to restore: a name from the list, or latest"))
        for changing in (created, restored):
            changing.add_argument(
                "--dry-run", action="store_true", help=_("show what would be done, without writing anything")
            )
            common.add_wait(changing)


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    if arguments.action == LIST:
        return show_list(arguments)
    if arguments.dry_run:
        return show_plan(api.plan_backup(arguments.prefix, restore=arguments.id), arguments)
    if arguments.action == RESTORE:
        return restore(arguments)
    made = api.create_backup(arguments.prefix, progress=common.progress_of(arguments), wait=arguments.wait)
    if arguments.json:
        show_json({**as_json(made.backup), "audit_head": made.audit_head, "run": RUN})
    else:
        show(_("Backup:         {path}").format(path=made.backup.path))
        for path in made.backup.left_out:
            show(_("Skipped:        {path} (socket, pipe or device)").format(path=visible(path)))
        show(_("Audit log head: {head}").format(head=made.audit_head))
    return DONE


def restore(arguments: argparse.Namespace) -> int:
    """Restore a backup, and print the result, with the backup of the files that were replaced."""
    progress = common.progress_of(arguments)
    done = api.restore(arguments.id, arguments.prefix, progress=progress, wait=arguments.wait)
    if arguments.json:
        before = done.before.name
        show_json({"restored": as_json(done.backup), "before": before, "audit_head": done.audit_head, "run": RUN})
        return DONE
    show(_("Restored:       {path}").format(path=done.backup.path))
    show(_("Backup:         {path}").format(path=done.before))
    show(_("Audit log head: {head}").format(head=done.audit_head))
    if done.backup.release and done.active and done.backup.release != done.active:
        show(
            _("The backup was taken with release {release}, but {active} is active.").format(
                release=done.backup.release, active=done.active
            )
        )
    return DONE


def show_list(arguments: argparse.Namespace) -> int:
    """Print the backups whose index can be read."""
    found = api.list_backups(arguments.prefix)
    if arguments.json:
        show_json({"backups": [as_json(backup) for backup in found]})
        return DONE
    if not found:
        show(_("There are no backups."))
    for backup in found:
        show(line(backup))
    return DONE


def show_plan(plan: BackupPlan, arguments: argparse.Namespace) -> int:
    """Print what would be copied and the free space; returns 4 if the space is insufficient."""
    if arguments.json:
        backup = as_json(plan.backup) if plan.backup else None
        show_json({"restore": backup, "needed": plan.needed, "free": plan.free, "fits": plan.fits})
    else:
        if plan.backup:
            show(_("Would restore: {line}").format(line=line(plan.backup)))
        needed = human_bytes(plan.needed)
        if plan.free is None:
            show(_("Would copy {needed}; the free space on this host is unknown.").format(needed=needed))
        else:
            show(_("Would copy {needed}; {free} free.").format(needed=needed, free=human_bytes(plan.free)))
        common.show_readiness(int(not plan.fits))
    return DONE if plan.fits else 4


def line(backup: Backup) -> str:
    """Return a backup as one line."""
    return f"{backup.name}  {counted.files(backup.count)}  {backup.release or '-'}"


def as_json(backup: Backup) -> dict[str, Any]:
    """Return a backup as JSON values."""
    return {
        "id": backup.name,
        "path": str(backup.path),
        "created": backup.created,
        "reason": backup.reason,
        "release": backup.release,
        "files": backup.count,
        "left_out": [visible(path) for path in backup.left_out],
    }
