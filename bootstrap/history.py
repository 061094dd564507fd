"""What was done in a prefix, told from the audit log and the receipts of the releases that are still there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap import audit_log, receipt
from bootstrap.errors import RagtraceError

if TYPE_CHECKING:
    from bootstrap.prefix import Prefix, Release

KEPT, ACTIVE = "kept", "active"


@dataclass(frozen=True)
class Event:
    """One change: when (UTC), by whom, what, how it ended, of which release, and whether that is still there."""

    time: str
    user: str
    action: str
    outcome: str
    release: str
    version: str
    signers: tuple[str, ...]
    state: str = ""
    reason: str = ""


def history(prefix: Prefix) -> list[Event]:
    """Return every change that was logged, the oldest first; kept releases that no line names come before.

    Raises TrustError when the log is damaged.
    """
    active, kept = prefix.active(), {release.id: release for release in prefix.complete_releases()}
    states = dict.fromkeys(kept, KEPT)
    if active is not None:
        states[active.id] = ACTIVE
    logged = [_event(entry, kept, states) for entry in audit_log.entries(prefix)]
    named = {event.release for event in logged}
    unnamed = [_from_receipt(release, states[release.id]) for release in kept.values() if release.id not in named]
    return sorted([*unnamed, *logged], key=lambda event: event.time)


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _event(entry: dict[str, Any], kept: dict[str, Release], states: dict[str, str]) -> Event:
    release = _text(entry, "release")
    signers = entry.get("signers")
    version = _text(entry, "version")
    if release in kept and not (version and signers):
        sealed = _from_receipt(kept[release], "")
        version, signers = version or sealed.version, signers or sealed.signers
    return Event(
        time=_text(entry, "time"),
        user=_text(entry, "user"),
        action=_text(entry, "action"),
        outcome=_text(entry, "outcome"),
        release=release,
        version=version,
        signers=tuple(signer for signer in signers or () if isinstance(signer, str)),
        state=states.get(release, ""),
        reason=_text(entry, "reason"),
    )


def _from_receipt(release: Release, state: str) -> Event:
    try:
        sealed = receipt.read_receipt(release)
    except (RagtraceError, OSError):
        return Event("", "", "install", "", release.id, "", (), state)
    return Event(sealed.installed, "", "install", "", release.id, sealed.version, sealed.signers, state)
