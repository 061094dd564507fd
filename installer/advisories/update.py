"""Adopting a newer snapshot or newer exceptions: verified, compared, and put in force atomically."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from bundle import digest
from bundle.advisories import snapshot as form
from bundle.advisories.severity import AHEAD
from bundle.signing.signature import SIGNATURE_LIMIT
from bundle.strict import time_to_json
from installer.advisories import known, packages, retained_list, sequences, shrinking
from installer.advisories.kinds import (
    DIGITS,
    EXCEPTIONS,
    SNAPSHOTS,
    Kind,
    Signed,
    Stored,
    T,
    judge_file,
    names_of,
    policies,
    read_file,
)
from installer.advisories.stored import (
    folder_of,
    here,
    in_force,
    mirror,
    missing,
    of_release,
    of_update_unjudged,
)
from installer.logs import audit_log
from shared import troubles
from shared.errors import TrustError, UsageError
from shared.files import files
from shared.files.process_lock import locked
from shared.i18n import _, plural

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.advisories.exceptions import Acceptance
    from bundle.advisories.snapshot import Snapshot
    from bundle.signing.signature import PublicKey
    from installer.layout.prefix import Prefix
    from installer.release.installation import Installation
    from installer.trust.stores import TrustStores


@dataclass(frozen=True)
class Update:
    """The result of an update: the file's role, sequence number and whether it is new, and the audit log's head.

    ``warnings`` lists sentences for the operator.
    """

    role: str
    sequence: int
    new: bool
    audit_head: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class UpdateOptions:
    """Options of an update: whether to accept times in the future, seconds to wait for another run, current time."""

    accept_clock: bool = False
    wait: float = 0.0
    now: datetime | None = None


def update(
    file: Path, installation: Installation, trust_stores: TrustStores, options: UpdateOptions = UpdateOptions()
) -> Update:
    """Adopt a snapshot or a file of exceptions, whose signatures are next to it.

    1. Verify that enough keys of its role have signed its bytes.
    2. Check that it is intact, and that the matcher finds the snapshot's canaries.
    3. Check that none of its times is in the future, unless ``accept_clock`` is set.
    4. Check that it is newer than the file in force and than any that this host accepted.
    5. Check that a snapshot has lost no more than honest ones do, and retain what it has not of earlier ones.
    6. Write the signatures, then the file itself: either the old or the new one is in force, never a mixture.
    7. Record its sequence number where release counters are.

    Raises UsageError if the file cannot be read, TrustError if a check fails, BusyError if another run holds the lock;
    the file in force then remains in force.
    """
    signed, prefix = _transferred(file), installation.prefix
    with locked(prefix.lock_file, wait=options.wait):
        try:
            judged = _judge(signed, installation, trust_stores, options)
            kind, sequence, new = judged.kind, judged.kind.sequence(judged.value), judged.new
            signatures = dict(zip(judged.signers, signed.signatures.values()))
            warnings = _learn(judged, signatures) if kind is SNAPSHOTS else []
            head = audit_log.head(prefix)
            if new:
                keep(kind, signed.data, signatures, prefix)
                names, sha256 = sorted({key.fingerprint for key in judged.signers}), digest.sha256_bytes(signed.data)
                more = {"kind": kind.role, "sequence": sequence, "sha256": sha256, "signers": names}
                head = audit_log.append(prefix, "advisories", "done", **more)
        except TrustError as error:
            audit_log.note_failure(prefix, "advisories", error, file=file.name)
            raise
    forgotten = sequences.remember({kind.role: sequence}, installation, trust_stores)
    return Update(kind.role, sequence, new, head, (*warnings, *([forgotten] if forgotten else [])))


def foresee(
    file: Path, installation: Installation, trust_stores: TrustStores, options: UpdateOptions = UpdateOptions()
) -> Update:
    """Return what ``update`` would adopt, after its checks 1 to 5; nothing is written. Raises as it does."""
    judged = _judge(_transferred(file), installation, trust_stores, options)
    kind, warnings = judged.kind, []
    if kind is SNAPSHOTS and _acceptance(judged.value, judged.host) is None:
        warnings = _require_whole(judged.value, known.of(installation, trust_stores), judged.host)
    return Update(kind.role, kind.sequence(judged.value), judged.new, "", tuple(warnings))


@dataclass(frozen=True)
class _Judged:
    """A file that passed the checks 1 to 4: its kind, signers and content, and whether it is newer."""

    kind: Kind[Any]
    signers: list[PublicKey]
    value: Any
    new: bool
    host: _Host


def _judge(signed: Signed, installation: Installation, trust_stores: TrustStores, options: UpdateOptions) -> _Judged:
    """Return a transferred file after the checks 1 to 4. Raises TrustError if one fails."""
    now = options.now or datetime.now(timezone.utc)
    kind: Kind[Any] = SNAPSHOTS if signed.data.startswith(b"PK") else EXCEPTIONS
    signers = judge_file(kind, signed, policies(installation.prefix, trust_stores), now)
    value = _read(kind, signed.data, now, accept_clock=options.accept_clock)
    current = _in_force(kind, installation, trust_stores)
    new = _is_newer(kind, signed.data, current, sequences.highest(kind.role, installation, trust_stores))
    new = new or not _is_in_prefix(kind, value, installation)
    latest = max(now, *kind.times(value)) if options.accept_clock else now
    return _Judged(kind, signers, value, new, _Host(installation, trust_stores, now, latest))


@dataclass(frozen=True)
class _Host:
    """An installation, its trust stores, and the current time.

    ``latest`` is later than ``now`` if the operator has accepted the date of a file that is ahead of the clock.
    """

    installation: Installation
    trust_stores: TrustStores
    now: datetime
    latest: datetime


def _learn(judged: _Judged, signatures: dict[PublicKey, bytes]) -> list[str]:
    """Record a snapshot and what it lessens of earlier ones on this host, and return warnings about what it has lost.

    A signed reason that names the snapshot lets it lack anything. Raises TrustError if it has lost too much otherwise.
    """
    snapshot, host = judged.value, judged.host
    installation, trust_stores = host.installation, host.trust_stores
    shared, reason = known.of(installation, trust_stores), _acceptance(snapshot, host)
    if reason is not None:
        retained = retained_list.anew(snapshot, installation, trust_stores)
        warnings = [
            _(
                "{approver} has accepted this snapshot, so no advisories of earlier ones are retained: {statement}"
            ).format(approver=reason.approver, statement=reason.statement)
        ]
    else:
        warnings = _require_whole(snapshot, shared, host)
        before = retained_list.read(installation, trust_stores)
        retained = retained_list.learn(snapshot, installation, trust_stores)
        warnings += _more(len(set(retained.entries) - set(before.entries)))
    known.write_mirror(mirror(installation.prefix), retained)
    stored = Stored(snapshot, snapshot.sha256, updated=True)
    trouble = retained_list.save(stored, {key.keyid: one for key, one in signatures.items()}, retained, shared)
    return [*warnings, *([trouble] if trouble else [])]


def _require_whole(snapshot: Snapshot, shared: known.Known, host: _Host) -> list[str]:
    """Return warnings about what a snapshot has lost of the newest one here.

    Raises TrustError if it has lost too much, if its number is far ahead, or if one that this host accepted is missing
    and this is not the very file.
    """
    found = list(here(host.installation, host.trust_stores))
    gone = missing(found, shared, host.installation)
    sequence = snapshot.header.sequence
    if gone:
        if (snapshot.sha256, sequence) not in gone and ("", sequence) not in gone:
            raise known.lost(gone)
        return []
    highest = sequences.highest(SNAPSHOTS.role, host.installation, host.trust_stores)
    shrinking.require_near(sequence, highest, host.latest)
    newest = max(found, key=lambda one: SNAPSHOTS.sequence(one.value), default=None)
    if newest is None:
        return []
    return shrinking.require_whole(newest.value, snapshot, packages.known(host.installation))


def _more(count: int) -> list[str]:
    text = plural(
        "{count} advisory of earlier snapshots was withdrawn, changed or dropped, but still applies on this host",
        "{count} advisories of earlier snapshots were withdrawn, changed or dropped, but still apply on this host",
        count,
    )
    return [text.format(count=count)] if count else []


def _acceptance(snapshot: Snapshot, host: _Host) -> Acceptance | None:
    """Return the signed reason in force that names a snapshot, or None."""
    try:
        exceptions = in_force(EXCEPTIONS, host.installation, host.trust_stores)
    except TrustError:  # what cannot be relied on permits nothing
        return None
    reasons = () if exceptions is None else exceptions.value.snapshots
    return next((one for one in reasons if one.sha256 == snapshot.sha256 and one.in_force(host.now)), None)


def _transferred(file: Path) -> Signed:
    """Return a transferred file and the signatures next to it."""
    try:
        data = read_file(file, form.SNAPSHOT_LIMIT)
        names = names_of(file.parent, f"{file.name}.")
        return Signed(data, {name: read_file(file.with_name(name), SIGNATURE_LIMIT) for name in names})
    except OSError as error:
        wanted = _("Specify the transferred file; its .sig files must be next to it.")
        raise troubles.trouble(error, troubles.READING, near=file, kind=UsageError, wanted=wanted) from error


def _read(kind: Kind[Any], data: bytes, now: datetime, *, accept_clock: bool) -> Any:
    """Return the parsed content of a file.

    Raises TrustError if it is damaged or dated in the future, or if the matcher misses a canary of the snapshot.
    """
    value = kind.read(data)
    if kind is SNAPSHOTS:
        shrinking.require_sound(value)
    _check_times(kind, value, now, accept_clock=accept_clock)
    return value


def _check_times(kind: Kind[Any], value: Any, now: datetime, *, accept_clock: bool) -> None:
    ahead = [time for time in kind.times(value) if time > now + AHEAD]
    if ahead and not accept_clock:
        raise TrustError(
            _("{name} is dated {time}, but this host's clock says {now}.").format(
                name=kind.name, time=time_to_json(max(ahead)), now=time_to_json(now)
            ),
            advice=_("Set the clock; if it is correct and you know why the file's date is ahead, add --accept-clock."),
        )


def _in_force(kind: Kind[T], installation: Installation, trust_stores: TrustStores) -> Stored[T] | None:
    """Return the file that a new one is compared with, or None."""
    try:
        return in_force(kind, installation, trust_stores)
    except TrustError:
        # an update that nobody is relied on for cannot be in force, but the release's own file can
        return _of_release(kind, installation)


def _is_in_prefix(kind: Kind[T], value: Any, installation: Installation) -> bool:
    """Return whether a file is the release's or the update's, and not only one that another prefix adopted."""
    if kind is not SNAPSHOTS:
        return True
    updated = of_update_unjudged(kind, installation.prefix)
    added = _of_release(kind, installation)
    return value.sha256 in {one.sha256 for one in (updated, added) if one is not None}


def _of_release(kind: Kind[T], installation: Installation) -> Stored[T] | None:
    try:
        return of_release(kind, installation)
    except TrustError:  # recover repairs it
        return None


def _is_newer(kind: Kind[T], data: bytes, here: Stored[T] | None, highest: int) -> bool:
    """Return whether a file is newer than the one in force; False if they are identical.

    ``highest`` is the highest sequence number that this host accepted: the file with that number may come again where
    it was lost. Raises TrustError if it is older, or a different file with the same number.
    """
    sequence, current = kind.sequence(kind.read(data)), 0 if here is None else kind.sequence(here.value)
    if here is not None and sequence == current and digest.sha256_bytes(data) == here.sha256 and sequence >= highest:
        return False
    if sequence < highest or (here is not None and sequence <= current):
        raise TrustError(
            _("{name} has sequence number {sequence}, which is not higher than {highest}, the one in force.").format(
                name=kind.name, sequence=sequence, highest=max(highest, current)
            ),
            advice=_("Supply a newer one; a host never goes back to an older one."),
        )
    return True


def keep(kind: Kind[Any], data: bytes, signatures: dict[PublicKey, bytes], prefix: Prefix) -> None:
    """Put a file and its signatures in force; the previous file's signatures are removed last."""
    folder = folder_of(prefix)
    folder.mkdir(mode=0o700, exist_ok=True)
    start = f"{kind.name}.{digest.sha256_bytes(data)[:DIGITS]}."
    for key, armoured in signatures.items():
        files.write_atomic(folder / f"{start}{key.keyid}.sig", armoured)
    files.write_atomic(folder / kind.name, data)
    for name in names_of(folder, f"{kind.name}."):
        if not name.startswith(start):
            (folder / name).unlink()
