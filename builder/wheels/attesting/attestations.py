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
from typing import TYPE_CHECKING

from builder.fetch.credentials import redact
from builder.fetch.simple_index import NOT_LISTED, OTHER_DIGEST, UNREADABLE, Offer, SimpleIndex, UnansweredError
from builder.wheels.attesting.attestation_record import (
    BUILT,
    DIRECT,
    NO_INDEX,
    NO_PROVENANCE,
    NONE,
    OFFLINE,
    UNKNOWN,
    VERIFIED,
    Verdict,
)
from builder.wheels.attesting.attestation_trust import ANYONE, Terms, read_root, unlisted
from builder.wheels.attesting.provenance_object import verify
from builder.wheels.attesting.withdrawn import notices
from bundle.digest import sha256_bytes
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
    from builder.wheels.attesting.attestation_trust import Root
    from shared.terminal.progress import Progress

OFF, RECORD, REQUIRE = MODES = ("off", "record", "require")
PROVENANCE_LIMIT = 4 << 20  # bytes
JOBS = 8


class Asking:
    """The terms of a check, and where answers come from and are stored.

    This user's own trust root is read when the first attestation is verified: most wheels have none.
    """

    def __init__(self, terms: Terms, fetching: Fetching) -> None:
        self.fetching = fetching
        self._reading = threading.Lock()
        self._root = None if terms.root is None else read_root(terms.root)

    @property
    def root(self) -> Root:
        """The trust root. Raises BuildError if it cannot be read."""
        with self._reading:
            if self._root is None:
                self._root = read_root(None)
            return self._root


def inspect(
    wheels: Sequence[LockedWheel], lock: Lock, fetching: Fetching, *, mode: str = RECORD, terms: Terms = ANYONE
) -> dict[LockedWheel, Verdict]:
    """Return the verdict on each wheel; empty if ``mode`` is ``off``.

    Raises BuildError if an attestation is not valid or by a publisher that ``terms`` do not list; with ``require`` also
    if a wheel has no verified one. Raises UsageError if the trust root that they name cannot be used.
    """
    if mode == OFF:
        return {}
    fetching.progress.step(
        plural("Checking attestations of {count} wheel", "Checking attestations of {count} wheels", len(wheels)).format(
            count=len(wheels)
        )
    )
    asking = Asking(terms, fetching)
    indexes = indexes_of(wheels, lock)
    verdicts = {wheel: Verdict(NO_INDEX, reason=_without_index(wheel, lock)) for wheel in wheels}
    for wheel, index in indexes.items():
        verdicts[wheel] = verdict_of(wheel, index, stored(fetching.cache, index, wheel), asking)
    missing = {wheel: index for wheel, index in indexes.items() if verdicts[wheel].verdict == UNKNOWN}
    reasons: set[str] = set()
    if missing and not fetching.offline:
        verdicts.update(ask(missing, asking, reasons))
    _warn_of_unknown(verdicts, reasons, fetching.progress)
    require_listed(verdicts, terms)
    if mode == REQUIRE:
        require_good(verdicts)
    return verdicts


def _without_index(wheel: LockedWheel, lock: Lock) -> str:
    """Return why no index can be asked about a wheel."""
    digests = {
        source.hashes.get("sha256")
        for package in lock.pylock.packages
        for source in (*(package.wheels or ()), *((package.archive,) if package.archive else ()))
    }
    return DIRECT if wheel.sha256 in digests else BUILT


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


def require_listed(verdicts: Mapping[LockedWheel, Verdict], terms: Terms) -> None:
    """Raise BuildError if a wheel was published by someone whom the terms do not list."""
    for wheel, verdict in sorted(verdicts.items()):
        others = unlisted(verdict.publishers, terms.publishers)
        if others:
            raise BuildError(
                _("{wheel} was published by {publisher}, which is not an allowed publisher.").format(
                    wheel=wheel.filename, publisher=", ".join(others)
                ),
                advice=_("Find out why it has another publisher; if it may have, add it with --publisher."),
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


def ask(indexes: Mapping[LockedWheel, str], asking: Asking, reasons: set[str]) -> dict[LockedWheel, Verdict]:
    """Fetch the attestations of wheels from their indexes, verify them and cache the answers.

    Failed requests are never cached: their verdict is UNKNOWN with the reason in a word, and their causes are added to
    ``reasons``. What the pages say against a wheel is a warning. Raises BuildError if an attestation is not valid.
    """
    stop = threading.Event()
    try:
        index = SimpleIndex(asking.fetching.logins, stop)
    except UnansweredError as error:
        reasons.add(str(error))
        return {wheel: Verdict(UNKNOWN, reason=error.code) for wheel in indexes}
    projects = sorted({(url, wheel.name) for wheel, url in indexes.items()})
    withdrawn: set[str] = set()

    def one(project: tuple[str, str]) -> dict[LockedWheel, Verdict]:
        url, name = project
        wheels = [wheel for wheel in indexes if (indexes[wheel], wheel.name) == project]
        try:
            page = index.page(url, name)
            withdrawn.update(notices(page, wheels))
        except UnansweredError as error:
            reasons.add(str(error))
            return {wheel: Verdict(UNKNOWN, reason=error.code) for wheel in wheels}
        return {wheel: answer(wheel, url, page.offers) for wheel in wheels}

    def answer(wheel: LockedWheel, url: str, offers: Mapping[str, Offer]) -> Verdict:
        try:
            data = _provenance(index, offers, wheel)
            found = judged(wheel, url, data, asking)
        except UnansweredError as error:  # the other wheels of the project are asked all the same
            reasons.add(str(error))
            return Verdict(UNKNOWN, reason=error.code)
        keep(asking.fetching.cache, url, wheel, data)
        return found

    pool = ThreadPoolExecutor(JOBS)
    try:
        return {wheel: verdict for found in pool.map(one, projects) for wheel, verdict in found.items()}
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        index.close()
        for text in sorted(withdrawn):
            asking.fetching.progress.warn(text)


def _provenance(index: SimpleIndex, offers: Mapping[str, Offer], wheel: LockedWheel) -> bytes:
    """Return the provenance of a wheel from the index, or b"" if it offers none.

    Raises UnansweredError if the index does not list the wheel with the locked digest, or the answer is empty.
    """
    offer = _offer(offers, wheel)
    if offer.provenance is None:
        return b""
    data = index.get(offer.provenance, PROVENANCE_LIMIT)[1]
    if not data:
        raise UnansweredError(_("the index returned nothing for {wheel}").format(wheel=wheel.filename), UNREADABLE)
    return data


def _offer(offers: Mapping[str, Offer], wheel: LockedWheel) -> Offer:
    """Return the offer of a wheel, found by its digest; by its file name if the index lists that without a digest."""
    same = {name: offer for name, offer in offers.items() if offer.sha256 == wheel.sha256}
    if same:
        with_provenance = [offer for _name, offer in sorted(same.items()) if offer.provenance]
        return same.get(wheel.published) or (with_provenance or list(same.values()))[0]
    named = offers.get(wheel.published)
    if named is None:
        raise UnansweredError(_("the index does not list {wheel}").format(wheel=wheel.published), NOT_LISTED)
    if named.sha256 is not None:
        reason = _("the index lists {wheel} with a SHA-256 that differs from the lockfile")
        raise UnansweredError(reason.format(wheel=wheel.published), OTHER_DIGEST)
    return named


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


def verdict_of(wheel: LockedWheel, index: str, offered: bytes | None, asking: Asking) -> Verdict:
    """Return the verdict on the cached attestations of a wheel; UNKNOWN if there are none or they are unreadable.

    Invalid ones are UNKNOWN too, so that they are fetched again; offline, BuildError is raised.
    """
    if offered is None:
        return Verdict(UNKNOWN, reason=OFFLINE)
    try:
        return judged(wheel, index, offered, asking)
    except UnansweredError as error:
        return Verdict(UNKNOWN, reason=error.code)
    except BuildError:
        if asking.fetching.offline:
            raise
        return Verdict(UNKNOWN, reason=UNREADABLE)


def judged(wheel: LockedWheel, index: str, offered: bytes, asking: Asking) -> Verdict:
    """Return the verdict on an index's attestations of a wheel (b"" if none). Raises the errors of ``verify``."""
    if not offered:
        return Verdict(NONE, reason=NO_PROVENANCE)
    root = asking.root
    return Verdict(VERIFIED, tuple(verify(wheel, index, offered, root)), provenance=offered, root=root.data)
