"""What the columns, kinds of problems and differences are called, and the cells of a row as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet import folder, judging, table
from shared.i18n import _, plural

if TYPE_CHECKING:
    from datetime import datetime

    from fleet.table import Difference, Fleet, Row


def titles() -> dict[str, str]:
    """Return the title of each column."""
    return {
        "hostname": _("Host"),
        "asset": _("Asset"),
        "product": _("Product"),
        "version": _("Version"),
        "status": _("Status"),
        "worst": _("Worst finding"),
        "advisories": _("Advisories"),
        "last_seen": _("Last seen"),
        "differs": _("Differs"),
    }


def kinds() -> dict[str, str]:
    """Return what each kind of problem with a statement means, and what to do."""
    return {
        folder.UNSIGNED: _("Not signed. Have the host make it again."),
        folder.TOO_LARGE: _("Larger than any statement. Remove the file."),
        folder.NOT_REGULAR: _("Not a regular file. Remove it."),
        folder.UNREADABLE: _("Not readable. Correct its permissions."),
        judging.FOREIGN: _("Not a statement of this tool: a report of another product. Remove the file."),
        judging.MALFORMED: _("Signed, but not in the format of this version. Use a newer version of this tool here."),
        judging.ALTERED: _("Altered after it was signed. Have the host make it again, and check who can write here."),
        judging.NOT_ENROLLED: _("Signed by a key that is not enrolled. Enroll the host, or find out who put it here."),
        judging.OTHER_ASSET: _(
            "From another asset than its key is enrolled for. Check the host, then enroll it again."
        ),
        judging.OTHER_PRODUCT: _("About another product than the requested one."),
        judging.OTHER_NONCE: _("Not an answer to this request: an earlier one was put here again. Ask the host again."),
        judging.CLONED: _(
            "One key is used on several hosts. Run 'statement key --renew' on each copy, and enroll it again."
        ),
        judging.OLDER: _(
            "Older than what was seen before: put here again, or the host was restored. Ask the host again."
        ),
        table.STALE: _("Not seen for too long. Check whether the host is still in use."),
        table.LATE_CLOCK: _("Dated in the future. Correct the host's clock."),
    }


def status_of(row: Row) -> str:
    """Return the overall status of an installation."""
    return row.status or _("no report")


def worst_of(row: Row) -> str:
    """Return the most urgent problem of an installation on one line, or ""."""
    return f"{row.worst.status} {row.worst.check_id}: {row.worst.details}" if row.worst else ""


def age_of(row: Row, now: datetime) -> str:
    """Return the age of the advisories in days, or ""."""
    days = row.advisories_days(now)
    return "" if days is None else plural("{count} day", "{count} days", days).format(count=days)


def seen_of(row: Row) -> str:
    """Return when the last statement was made."""
    return f"{row.last_seen:%Y-%m-%d %H:%M}"


def difference(one: Difference) -> str:
    """Return a difference on one line."""
    names = {
        "version": _("version"),
        "release": _("release"),
        "advisories_until": _("advisories"),
        "python": "Python",
        "installer": _("installer"),
    }
    name = names.get(one.field) or one.field.partition(":")[2]
    return _("{name} {here}, most: {most}").format(name=name, here=one.here, most=one.most)


def differences_of(row: Row) -> str:
    """Return all differences of an installation on one line."""
    return "; ".join(map(difference, row.differs))


def heading(fleet: Fleet) -> list[str]:
    """Return the summary of a fleet as sentences."""
    count = len(fleet.rows)
    lines = [plural("{count} installation", "{count} installations", count).format(count=count)]
    lines[0] += ": " + ", ".join(f"{number} {status or _('no report')}" for status, number in fleet.statuses.items())
    if not fleet.verified:
        lines.append(_("Not verified: no enrolled keys were given, so any host may have made these statements."))
    if fleet.refused:
        lines.append(
            plural(
                "{count} problem with a statement",
                "{count} problems with statements",
                len(fleet.refused),
            ).format(count=len(fleet.refused))
        )
    if fleet.absent:
        count = len(fleet.absent)
        lines.append(
            plural("{count} asset without a statement", "{count} assets without a statement", count).format(count=count)
        )
    return lines
