"""What a change of a prefix came to, and the error that an operator sees of one that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from installer.change import retention
from installer.layout.location import own_command
from installer.release import launchers
from shared import limits, troubles
from shared.errors import HostError, InstallError, RagtraceError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from installer.change.transaction import Transaction
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release


@dataclass(frozen=True)
class Outcome:
    """What a change of a prefix came to: the active release, the one before, the audit log's head.

    ``tool`` is the tool's own command there, ``former_tool`` what it was before where that has changed. ``already``
    when there was nothing to do; ``collected`` names the removed releases.
    """

    prefix: Path
    active: str
    former: str | None
    audit_head: str
    tool: Path
    former_tool: Path | None = None
    already: bool = False
    collected: retention.Collected = field(default_factory=retention.Collected)


def outcome_of(change: Transaction, head: str, called: Path | None) -> Outcome:
    """Return what a change came to; ``called`` is the tool's command before it."""
    prefix, previous = change.prefix, change.former
    tool = launchers.tool(prefix) or own_command.in_prefix(prefix.root)
    former_tool = called if called not in (None, tool) else None
    before = previous.id if previous else None
    return Outcome(prefix.root, change.release.id, before, head, tool, former_tool, collected=change.collected)


def explained(error: BaseException, prefix: Prefix, head: str, former: Release | None) -> BaseException:
    """Add to an error which release is active now; a failure of ours or of the disk becomes InstallError."""
    if isinstance(error, KeyboardInterrupt):
        return error
    active = prefix.active()
    if active is None:
        state = _("No release is active.")
    elif active == former:
        state = _("The active release is still {release}.").format(release=active.id)
    else:
        state = _("The active release is now {release}.").format(release=active.id)
    error = limits.refused(error) or error
    if isinstance(error, OSError):
        error = troubles.trouble(error, near=prefix.root, kind=InstallError)
    if not isinstance(error, RagtraceError):
        return error
    noted = _("Audit log head: {head}.").format(head=head[:16]) if head else _("The audit log could not be written.")
    advice = " ".join(part for part in (error.advice, state, noted) if part)
    kind = type(error) if isinstance(error, (TrustError, HostError, InstallError)) else InstallError
    return kind(error.what, advice=advice)
