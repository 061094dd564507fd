"""Attestations from the index (PEP 740): the publisher of each wheel, verified when a bundle is built.

An attestation is a statement about a wheel's SHA-256, signed by a publisher's workflow with a certificate valid for
a few minutes; a public transparency log records the time. sigstore verifies it offline, against the trust root that
it stores for this user, or else the one that it ships with.

The attestations that an index offers for a wheel never change after the upload, so they are cached, even if there
are none: a warm cache needs no network. A failed request is never cached and never counts as verified.
"""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.fetch.credentials import redact
from builder.fetch.simple_index import Offer, SimpleIndex, UnansweredError
from builder.members import Member, member
from builder.wheels.provenance_object import verify
from builder.wheels.withdrawn import notices
from bundle import strict
from bundle.digest import sha256_bytes
from bundle.manifest import VERIFICATION
from shared.errors import BuildError
from shared.files.files import write_atomic
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from builder.fetch.cache import Cache
    from builder.fetch.fetching import Fetching
    from builder.lock.lock import Lock
    from builder.lock.locked import LockedWheel
    from shared.terminal.progress import Progress

OFF, RECORD, REQUIRE = MODES = ("off", "record", "require")
VERIFIED, NONE, NO_INDEX, UNKNOWN = VERDICTS = ("verified", "none-offered", "no-index", "not-asked")
FILE = f"{VERIFICATION}/attestations.json"
FORMAT = 1
PROVENANCE_LIMIT = 4 << 20  # bytes
JOBS = 8


@dataclass(frozen=True)
class Verdict:
    """The result for a wheel: one of VERDICTS, and the publishers if it is ``verified``.

    ``publishers`` are as the index lists them, each checked against the certificate: kind, repository, workflow etc.
    """

    verdict: str
    publishers: tuple[Mapping[str, Any], ...] = ()


def inspect(
    wheels: Sequence[LockedWheel], lock: Lock, fetching: Fetching, *, mode: str = RECORD
) -> dict[LockedWheel, Verdict]:
    """Return the verdict on each wheel; empty if ``mode`` is ``off``.

    Raises BuildError if an attestation is not valid; with ``require`` also if a wheel has no verified one.
    """
    if mode == OFF:
        return {}
    fetching.progress.step(
        plural("Checking attestations of {count} wheel", "Checking attestations of {count} wheels", len(wheels)).format(
            count=len(wheels)
        )
    )
    indexes = indexes_of(wheels, lock)
    verdicts = {wheel: Verdict(NO_INDEX) for wheel in wheels}
    for wheel, index in indexes.items():
        verdicts[wheel] = verdict_of(wheel, index, stored(fetching.cache, index, wheel), offline=fetching.offline)
    missing = {wheel: index for wheel, index in indexes.items() if verdicts[wheel].verdict == UNKNOWN}
    reasons: set[str] = set()
    if missing and not fetching.offline:
        verdicts.update(ask(missing, fetching, reasons))
    _warn_of_unknown(verdicts, reasons, fetching.progress)
    if mode == REQUIRE:
        require_good(verdicts)
    return verdicts


def _warn_of_unknown(verdicts: Mapping[LockedWheel, Verdict], reasons: Iterable[str], progress: Progress) -> None:
    unknown = [wheel.filename for wheel, verdict in verdicts.items() if verdict.verdict == UNKNOWN]
    if unknown:
        progress.warn(
            plural(
                "The attestation of {count} wheel was not checked ({reason}): {wheel}.",
                "Attestations of {count} wheels were not checked ({reason}), including {wheel}.",
                len(unknown),
            ).format(count=len(unknown), wheel=unknown[0], reason=", ".join(sorted(reasons)[:3]) or _("offline"))
        )


def require_good(verdicts: Mapping[LockedWheel, Verdict]) -> None:
    """Raise BuildError unless every wheel was verified."""
    without = sorted(wheel.filename for wheel, verdict in verdicts.items() if verdict.verdict != VERIFIED)
    if without:
        raise BuildError(
            plural(
                "{count} wheel has no verified attestation: {names}.",
                "{count} wheels have no verified attestation: {names}.",
                len(without),
            ).format(count=len(without), names=", ".join([*without[:5], *(["…"] if len(without) > 5 else [])])),
            advice=_("Lock versions that have attestations, or build with --attestations record."),
        )


def indexes_of(wheels: Iterable[LockedWheel], lock: Lock) -> dict[LockedWheel, str]:
    """Return the index of each wheel that comes from one, without those from folders, direct URLs and local builds."""
    by_digest = {
        wheel.hashes.get("sha256"): package.index
        for package in lock.pylock.packages
        for wheel in package.wheels or ()
        if package.index and package.index.startswith(("https://", "http://"))
    }
    return {wheel: by_digest[wheel.sha256] for wheel in wheels if wheel.sha256 in by_digest}


def ask(indexes: Mapping[LockedWheel, str], fetching: Fetching, reasons: set[str]) -> dict[LockedWheel, Verdict]:
    """Fetch the attestations of wheels from their indexes, verify them and cache the answers.

    Failed requests are neither cached nor in the result; their causes are added to ``reasons``. What the pages say
    against a wheel is a warning. Raises BuildError
    if an attestation is not valid.
    """
    stop = threading.Event()
    try:
        index = SimpleIndex(fetching.logins, stop)
    except UnansweredError as error:
        reasons.add(str(error))
        return {}
    projects = sorted({(url, wheel.name) for wheel, url in indexes.items()})
    withdrawn: set[str] = set()

    def one(project: tuple[str, str]) -> dict[LockedWheel, Verdict]:
        url, name = project
        found: dict[LockedWheel, Verdict] = {}
        try:
            page = index.page(url, name)
            mine = [wheel for wheel in indexes if (indexes[wheel], wheel.name) == project]
            withdrawn.update(notices(page, mine))
            for wheel in mine:
                data = _provenance(index, page.offers, wheel)
                found[wheel] = judged(wheel, url, data)
                keep(fetching.cache, url, wheel, data)
        except UnansweredError as error:
            reasons.add(str(error))
        return found

    pool = ThreadPoolExecutor(JOBS)
    try:
        return {wheel: verdict for found in pool.map(one, projects) for wheel, verdict in found.items()}
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        index.close()
        for text in sorted(withdrawn):
            fetching.progress.warn(text)


def _provenance(index: SimpleIndex, offers: Mapping[str, Offer], wheel: LockedWheel) -> bytes:
    """Return the provenance of a wheel from the index, or b"" if it offers none.

    Raises UnansweredError if the index does not list the wheel with the locked digest, or the answer is empty.
    """
    offer = offers.get(wheel.published)
    if offer is None:
        raise UnansweredError(_("the index does not list {wheel}").format(wheel=wheel.published))
    if offer.sha256 not in (None, wheel.sha256):
        reason = _("the index lists {wheel} with another SHA-256 than the lockfile")
        raise UnansweredError(reason.format(wheel=wheel.published))
    if offer.provenance is None:
        return b""
    data = index.get(offer.provenance, PROVENANCE_LIMIT)[1]
    if not data:
        raise UnansweredError(_("the index returned nothing for {wheel}").format(wheel=wheel.filename))
    return data


def place(cache: Cache, index: str, wheel: LockedWheel) -> Path:
    """Return the cache path of a wheel's attestations, one per index, because another index may offer fewer."""
    return cache.root / "attestations" / f"{sha256_bytes(f'{redact(index)} {wheel.sha256}'.encode())}.json"


def keep(cache: Cache, index: str, wheel: LockedWheel, data: bytes) -> None:
    """Cache an index's attestations for a wheel. Raises BuildError if the cache cannot be written."""
    path = place(cache, index, wheel)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        raise cache.unwritable(error) from error


def stored(cache: Cache, index: str, wheel: LockedWheel) -> bytes | None:
    """Return the cached attestations of a wheel, or None if there are none in the cache."""
    path = place(cache, index, wheel)
    try:
        data = path.read_bytes()
        with contextlib.suppress(OSError):  # a cache that another user owns can still be read
            os.utime(path)  # ``prune`` reads this time as the last use
    except OSError:
        return None
    return data


def verdict_of(wheel: LockedWheel, index: str, offered: bytes | None, *, offline: bool) -> Verdict:
    """Return the verdict on the cached attestations of a wheel; UNKNOWN if there are none or they are unreadable.

    Invalid ones are UNKNOWN too, so that they are fetched again; offline, BuildError is raised.
    """
    if offered is None:
        return Verdict(UNKNOWN)
    try:
        return judged(wheel, index, offered)
    except UnansweredError:
        return Verdict(UNKNOWN)
    except BuildError:
        if offline:
            raise
        return Verdict(UNKNOWN)


def judged(wheel: LockedWheel, index: str, offered: bytes) -> Verdict:
    """Return the verdict on an index's attestations of a wheel (b"" if none). Raises the errors of ``verify``."""
    return Verdict(VERIFIED, tuple(verify(wheel, index, offered))) if offered else Verdict(NONE)


def evidence(verdicts: Mapping[LockedWheel, Verdict], wheels: Iterable[LockedWheel]) -> list[Member]:
    """Return the bundle member that records the verdicts on the wheels, or an empty list if none was checked."""
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
    """Return the number of wheels with each verdict."""
    found = [verdict.verdict for verdict in verdicts.values()]
    return {verdict: found.count(verdict) for verdict in VERDICTS}
