"""Attestations of the index (PEP 740): who published each wheel, checked when a bundle is built.

An attestation is a statement over a wheel's SHA-256 that a publisher's workflow signed by a certificate of some
minutes; a public log bears witness to when. The check is sigstore's, against the trust root that it keeps for this
user, else the one that came with it; no network is asked for that.

What an index offers for a wheel never changes after the upload, so the cache keeps it, nothing offered included: a
warm cache needs no network. What could not be asked is kept nowhere and never counts as checked.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.bundle import strict
from bootstrap.bundle.manifest import VERIFICATION
from bootstrap.errors import BuildError
from bootstrap.files import write_atomic
from bootstrap.i18n import _
from builder.assemble import Member, member
from builder.simple_index import SimpleIndex, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bootstrap.console import Progress
    from builder.cache import Cache
    from builder.credentials import Login
    from builder.lock import Lock, LockedWheel

OFF, RECORD, REQUIRE = MODES = ("off", "record", "require")
VERIFIED, NONE, NO_INDEX, UNKNOWN = VERDICTS = ("verified", "none-offered", "no-index", "not-asked")
FILE = f"{VERIFICATION}/attestations.json"
FORMAT = 1
PROVENANCE_LIMIT = 4 << 20  # bytes
JOBS = 8


@dataclass(frozen=True)
class Verdict:
    """What is known of who published a wheel: one of VERDICTS, and the publishers where it is ``verified``.

    ``publishers`` are as the index names them, each held against the certificate: kind, repository, workflow and more.
    """

    verdict: str
    publishers: tuple[Mapping[str, Any], ...] = ()


def look(
    wheels: Sequence[LockedWheel],
    lock: Lock,
    cache: Cache,
    progress: Progress,
    *,
    mode: str = RECORD,
    offline: bool = False,
    logins: Sequence[Login] = (),
) -> dict[LockedWheel, Verdict]:
    """Return the verdict on each wheel, nothing when ``mode`` is ``off``.

    Raises BuildError for an attestation that does not hold, whatever the mode; with ``require`` also for a wheel
    without one.
    """
    if mode == OFF:
        return {}
    progress.step(_("Looking for attestations of {count} wheels").format(count=len(wheels)))
    indexes = indexes_of(wheels, lock)
    known = {wheel: kept(cache, wheel) for wheel in wheels if indexes[wheel]}
    missing = [wheel for wheel, offered in known.items() if offered is None]
    reasons: set[str] = set()
    if missing and not offline:
        known.update(ask(missing, indexes, cache, logins, reasons))
    verdicts = {wheel: _verdict(wheel, known.get(wheel), indexes[wheel]) for wheel in wheels}
    unknown = [wheel.filename for wheel, verdict in verdicts.items() if verdict.verdict == UNKNOWN]
    if unknown:
        progress.warn(
            _("Attestations of {count} wheels were not looked at ({reason}), {wheel} among them.").format(
                count=len(unknown), wheel=unknown[0], reason=", ".join(sorted(reasons)[:3]) or _("offline")
            )
        )
    if mode == REQUIRE:
        demand(verdicts)
    return verdicts


def demand(verdicts: Mapping[LockedWheel, Verdict]) -> None:
    """Raise BuildError unless every wheel was verified."""
    without = sorted(wheel.filename for wheel, verdict in verdicts.items() if verdict.verdict != VERIFIED)
    if without:
        raise BuildError(
            _("{count} wheels have no attestation that was verified: {names}.").format(
                count=len(without), names=", ".join([*without[:5], *(["…"] if len(without) > 5 else [])])
            ),
            advice=_("Lock versions that their projects attest, or build with --attestations record."),
        )


def indexes_of(wheels: Iterable[LockedWheel], lock: Lock) -> dict[LockedWheel, str | None]:
    """Return the index that each wheel comes from; None for a folder, a direct address or one that was built here."""
    by_digest = {
        wheel.hashes.get("sha256"): package.index
        for package in lock.pylock.packages
        for wheel in package.wheels or ()
        if package.index and package.index.startswith(("https://", "http://"))
    }
    return {wheel: by_digest.get(wheel.sha256) for wheel in wheels}


def ask(
    wheels: Sequence[LockedWheel],
    indexes: Mapping[LockedWheel, str | None],
    cache: Cache,
    logins: Sequence[Login],
    reasons: set[str],
) -> dict[LockedWheel, bytes | None]:
    """Ask the indexes for the provenance of wheels and keep it; b"" is none offered, None that it can't be told.

    Why something can't be told goes into ``reasons``.
    """
    stop = threading.Event()
    try:
        index = SimpleIndex(logins, stop)
    except UnansweredError as error:
        reasons.add(str(error))
        return dict.fromkeys(wheels)

    def one(wheel: LockedWheel) -> bytes | None:
        try:
            data = _provenance(index, indexes[wheel] or "", wheel)
        except UnansweredError as error:
            reasons.add(str(error))
            return None
        keep(cache, wheel, data)
        return data

    pool = ThreadPoolExecutor(JOBS)
    try:
        return dict(zip(wheels, pool.map(one, wheels), strict=True))
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        index.close()


def _provenance(index: SimpleIndex, url: str, wheel: LockedWheel) -> bytes:
    """Return the provenance of a wheel as the index gives it, b"" where it offers none."""
    offer = index.offers(url, wheel.name).get(wheel.filename)
    if offer is None or offer.sha256 not in (None, wheel.sha256):
        raise UnansweredError(_("the index does not list {wheel} as it was locked").format(wheel=wheel.filename))
    if offer.provenance is None:
        return b""
    data = index.get(offer.provenance, PROVENANCE_LIMIT)[1]
    if not data:
        raise UnansweredError(_("the index answers nothing for {wheel}").format(wheel=wheel.filename))
    return data


def place(cache: Cache, wheel: LockedWheel) -> Path:
    """Return where the cache keeps what the index offered for a wheel."""
    return cache.root / "attestations" / f"{wheel.sha256}.json"


def keep(cache: Cache, wheel: LockedWheel, data: bytes) -> None:
    """Keep what the index offered for a wheel. Raises BuildError where the cache cannot be written."""
    path = place(cache, wheel)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        raise cache.unwritable(error) from error


def kept(cache: Cache, wheel: LockedWheel) -> bytes | None:
    """Return what was kept of a wheel, None where nothing was."""
    try:
        return place(cache, wheel).read_bytes()
    except OSError:
        return None


def _verdict(wheel: LockedWheel, offered: bytes | None, index: str | None) -> Verdict:
    if index is None:
        return Verdict(NO_INDEX)
    if offered is None:
        return Verdict(UNKNOWN)
    return Verdict(VERIFIED, tuple(verify(wheel, offered))) if offered else Verdict(NONE)


def verify(wheel: LockedWheel, provenance: bytes) -> list[Mapping[str, Any]]:
    """Return who published a wheel by every attestation in a provenance object (PEP 740).

    Raises BuildError unless all of them hold for this very wheel, and there is one.
    """
    from pydantic import ValidationError
    from pypi_attestations import AttestationError, Distribution, Provenance

    logging.getLogger("sigstore").setLevel(logging.ERROR)  # it warns that no network is asked
    publishers: list[Mapping[str, Any]] = []
    try:
        for bundle in Provenance.model_validate_json(provenance).attestation_bundles:
            for attestation in bundle.attestations:
                distribution = Distribution(name=wheel.filename, digest=wheel.sha256)
                attestation.verify(bundle.publisher, distribution, offline=True)
                publishers.append({"predicate": attestation.statement["predicateType"], **_facts(bundle.publisher)})
    except (AttestationError, ValidationError, ValueError) as error:
        raise _broken(wheel, str(error).splitlines()[0]) from error
    if not publishers:
        raise _broken(wheel, _("it holds none"))
    return publishers


def _facts(publisher: Any) -> dict[str, Any]:
    """Return what the index says of a publisher, as far as the certificate was held against it."""
    said = publisher.model_dump(exclude={"claims"})
    return {name: value for name, value in sorted(said.items()) if value is not None}


def _broken(wheel: LockedWheel, reason: str) -> BuildError:
    return BuildError(
        _("{wheel}: the attestation that the index offers does not hold: {reason}.").format(
            wheel=wheel.filename, reason=reason.rstrip(".")
        ),
        advice=_("Do not use this wheel before its project has explained it; nothing was built."),
    )


def evidence(verdicts: Mapping[LockedWheel, Verdict], wheels: Iterable[LockedWheel]) -> list[Member]:
    """Return the record of the verdicts on a bundle's wheels, none where nobody looked."""
    rows = [
        {
            "wheel": wheel.filename,
            "sha256": wheel.sha256,
            "verdict": verdicts[wheel].verdict,
            "publishers": [dict(publisher) for publisher in verdicts[wheel].publishers],
        }
        for wheel in sorted(wheels)
        if wheel in verdicts
    ]
    if not rows:
        return []
    return [member(FILE, "verification", strict.dumps({"format": FORMAT, "wheels": rows}))]


def counted(verdicts: Mapping[LockedWheel, Verdict]) -> dict[str, int]:
    """Return how many wheels have each verdict."""
    found = [verdict.verdict for verdict in verdicts.values()]
    return {verdict: found.count(verdict) for verdict in VERDICTS}
