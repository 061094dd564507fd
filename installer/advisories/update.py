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
from installer.advisories.stored import (
    DIGITS,
    EXCEPTIONS,
    SNAPSHOTS,
    Kind,
    Signed,
    Stored,
    T,
    folder_of,
    in_force,
    judge_file,
    names_of,
    of_release,
    policies,
    read_file,
)
from installer.logs import audit_log
from shared import troubles
from shared.errors import TrustError, UsageError
from shared.files import files
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.advisories.snapshot import Snapshot
    from bundle.signing.signature import PublicKey
    from installer.layout.prefix import Prefix
    from installer.release.installation import Installation
    from installer.trust.stores import TrustStores


@dataclass(frozen=True)
class Update:
    """The result of an update: the file's role, sequence number and whether it is new, and the audit log's head."""

    role: str
    sequence: int
    new: bool
    audit_head: str


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
    4. Check that it is newer than the file in force.
    5. Write the signatures, then the file itself: either the old or the new one is in force, never a mixture.

    Raises UsageError if the file cannot be read, TrustError if a check fails, BusyError if another run holds the lock;
    the file in force then remains in force.
    """
    now = options.now or datetime.now(timezone.utc)
    signed = _transferred(file)
    data = signed.data
    kind: Kind[Any] = SNAPSHOTS if data.startswith(b"PK") else EXCEPTIONS
    prefix = installation.prefix
    with locked(prefix.state / "lock", wait=options.wait):
        try:
            signers = judge_file(kind, signed, policies(prefix, trust_stores), now)
            sequence = kind.sequence(_read(kind, data, now, accept_clock=options.accept_clock))
            if not _is_newer(kind, sequence, digest.sha256_bytes(data), _in_force(kind, installation, trust_stores)):
                return Update(kind.role, sequence, new=False, audit_head=audit_log.head(prefix))
            keep(kind, data, dict(zip(signers, signed.signatures.values())), prefix)
            names, sha256 = sorted({key.fingerprint for key in signers}), digest.sha256_bytes(data)
            more = {"kind": kind.role, "sequence": sequence, "sha256": sha256, "signers": names}
            head = audit_log.append(prefix, "advisories", "done", **more)
        except TrustError as error:
            audit_log.note_failure(prefix, "advisories", error, file=file.name)
            raise
    return Update(kind.role, sequence, new=True, audit_head=head)


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
        require_sight(value)
    _check_times(kind, value, now, accept_clock=accept_clock)
    return value


def require_sight(snapshot: Snapshot) -> None:
    """Raise TrustError if the matcher misses a canary of a snapshot, or if its catalogues cannot be read."""
    assert snapshot.exploits is not None  # reads them
    blind = list(snapshot.blind_spots())
    if blind:
        raise TrustError(
            _("The snapshot's self-tests failed: {names}.").format(names=", ".join(blind)),
            advice=_("Request a new snapshot."),
        )


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
        # a damaged update cannot serve for comparison, but the release's own file still can
        return of_release(kind, installation)


def _is_newer(kind: Kind[T], sequence: int, sha256: str, here: Stored[T] | None) -> bool:
    """Return whether a file is newer than the one in force; False if they are identical.

    Raises TrustError if it is older, or a different file with the same number.
    """
    if here is None:
        return True
    highest = kind.sequence(here.value)
    if sequence == highest and sha256 == here.sha256:
        return False
    if sequence <= highest:
        raise TrustError(
            _("{name} has sequence number {sequence}, which is not higher than {highest}, the one in force.").format(
                name=kind.name, sequence=sequence, highest=highest
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
