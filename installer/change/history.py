"""The history of a prefix, from the audit log and the receipts of the releases that still exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from installer.logs import audit_log
from installer.release import receipt
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.logs.usage import Usage

STORED, ACTIVE = "kept", "active"
ROLLBACK = "rollback"  # it builds no release, so the usage in the receipt is not its own


@dataclass(frozen=True)
class Event:
    """One change: its time (UTC), user, action and outcome, and its release with the release's present state.

    ``usage`` lists the resources used to build the release, if the release still exists.
    """

    time: str
    user: str
    action: str
    outcome: str
    release: str
    version: str
    signers: tuple[str, ...]
    state: str = ""
    reason: str = ""
    usage: Usage | None = None


def history(prefix: Prefix) -> list[Event]:
    """Return every logged change, oldest first, preceded by the retained releases that no entry names.

    Raises TrustError if the log is damaged.
    """
    active, stored = prefix.active(), {release.id: release for release in prefix.complete_releases()}
    states = dict.fromkeys(stored, STORED)
    if active is not None:
        states[active.id] = ACTIVE
    sealed = {identifier: _from_receipt(release, states[identifier]) for identifier, release in stored.items()}
    entries = audit_log.entries(prefix)
    gone = max((number for number, entry in enumerate(entries, 1) if audit_log.is_removal(entry)), default=0)
    # after an uninstallation, a release of the same name is a different one
    logged = [_event(entry, {}, {}) for entry in entries[:gone]]
    logged += [_event(entry, sealed, states) for entry in entries[gone:]]
    named = {event.release for event in logged[gone:]}
    unnamed = [event for event in sealed.values() if event.release not in named]
    return [*unnamed, *logged]  # in logged order, which does not depend on the clock


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _event(entry: dict[str, Any], sealed: dict[str, Event], states: dict[str, str]) -> Event:
    release, action = _text(entry, "release"), _text(entry, "action")
    made = sealed.get(release)
    signers = entry.get("signers") or (made.signers if made else ())
    return Event(
        time=_text(entry, "time"),
        user=_text(entry, "user"),
        action=action,
        outcome=_text(entry, "outcome"),
        release=release,
        version=_text(entry, "version") or (made.version if made else ""),
        signers=tuple(signer for signer in signers if isinstance(signer, str)),
        state=states.get(release, ""),
        reason=_text(entry, "reason"),
        usage=made.usage if made and action != ROLLBACK else None,
    )


def _from_receipt(release: Release, state: str) -> Event:
    try:
        sealed = receipt.read_receipt(release)
    except (RagtraceError, OSError):
        return Event("", "", "install", "", release.id, "", (), state)
    return Event(
        sealed.installed, "", "install", "", release.id, sealed.version, sealed.signers, state, usage=sealed.usage
    )
