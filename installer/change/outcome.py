"""The result of a change of a prefix, and the error to report if it failed."""

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
    """The result of a change of a prefix: the active release, the previous one, the audit log's head.

    ``tool`` is this tool's command in the prefix, ``former_tool`` the previous one if it has changed. ``already`` is
    set if there was nothing to do; ``collected`` lists the removed releases.
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
    """Return the result of a change; ``called`` is the tool's command before it."""
    prefix, previous = change.prefix, change.former
    tool = launchers.tool(prefix) or own_command.in_prefix(prefix.root)
    former_tool = called if called not in (None, tool) else None
    before = previous.id if previous else None
    return Outcome(prefix.root, change.release.id, before, head, tool, former_tool, collected=change.collected)


def explained(error: BaseException, prefix: Prefix, head: str, former: Release | None) -> BaseException:
    """Return an error that also states which release is active now, and the head of the audit log.

    Errors other than TrustError and HostError become InstallError. KeyboardInterrupt is returned unchanged, and so is
    an exception that is neither this tool's own nor caused by the system or a lack of resources.
    """
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
    return kind(*error.sentences, advice=advice)
