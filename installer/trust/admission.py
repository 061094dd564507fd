"""Admission: whether a bundle with trusted signatures may be installed here and now; only admitted ones can be.

A command that changes a prefix holds its lock during admission, so that the checked state cannot change; a read-only
command needs no lock. Downgrade and replay: the highest counter accepted for a product is stored next to the host's
policy (or in the user's own state folder), so that a new prefix does not forget it. Dates are checked only when a
release is first accepted: an SSHSIG has no timestamp, so the only date is the one in the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from bundle.opening import claimed_signers
from bundle.signing.policy import RELEASE, judge
from bundle.strict import time_to_json
from installer.trust import evidence, memory
from installer.trust.authority import prefix_policy, stored_by_host, stored_by_user
from installer.trust.evidence import is_ahead
from shared import troubles
from shared.errors import RagtraceError, TrustError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest
    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores

STALE = timedelta(days=365)  # a year without a release deserves a warning


@dataclass(frozen=True)
class Conditions:
    """The operator's conditions on a release's date: whether it may be in the future, and its maximum age in days."""

    accept_clock: bool = False
    require_fresh: int | None = None


AS_IT_IS = Conditions()


@dataclass(frozen=True)
class Candidate:
    """A bundle whose signatures the authority has accepted, its prefix, and the conditions for its admission.

    ``asset`` is the asset name to store, or None to leave the stored one.
    """

    bundle: Bundle
    prefix: Prefix
    trust_stores: TrustStores
    conditions: Conditions = AS_IT_IS
    asset: str | None = None


@dataclass(frozen=True)
class AdmittedBundle:
    """A bundle that may be installed in a prefix; only ``admit`` creates one.

    ``warnings`` lists sentences for the operator; ``remembered`` is true if its counter is recorded once it is
    installed.
    """

    bundle: Bundle
    prefix: Prefix
    trust_stores: TrustStores
    warnings: tuple[str, ...]
    remembered: bool

    @property
    def manifest(self) -> Manifest:
        return self.bundle.manifest

    @property
    def manifest_sha256(self) -> str:
        return self.bundle.manifest_sha256


def admit(candidate: Candidate, *, now: datetime | None = None) -> AdmittedBundle:
    """Check whether a candidate may be installed.

    1. The prefix's own policy, if there is one, accepts its signers too.
    2. It is for the prefix's product, and not older than the active release.
    3. It is not older than any release of this product that this host has accepted, unless it is the very release that
       is active here: after a rollback, only this bundle may be able to repair it, and it installs nothing older.
    4. Unless the prefix retains this very release: its date and its signers' keys meet the conditions.

    ``now`` is by default the host's clock. Raises TrustError if a check fails.
    """
    bundle, prefix, trust_stores = candidate.bundle, candidate.prefix, candidate.trust_stores
    now = now or datetime.now(timezone.utc)
    # 1. the prefix's own policy
    tightened = prefix_policy(prefix.trust)
    if tightened is not None:
        judge(tightened, RELEASE, claimed_signers(bundle.sums, bundle.signatures), None)
    # 2. the product, and the active release
    _refuse_downgrade(bundle.manifest, prefix, now)
    # 3. everything that this host accepted
    _refuse_replay(bundle, prefix, trust_stores, now)
    # 4. time
    warnings = () if _is_retained(bundle, prefix) else tuple(_judge_time(bundle, candidate.conditions, now))
    return AdmittedBundle(bundle, prefix, trust_stores, warnings, remembered=not is_ahead(bundle.manifest, now))


def _refuse_replay(bundle: Bundle, prefix: Prefix, trust_stores: TrustStores, now: datetime) -> None:
    """Raise TrustError if a bundle is older than what this host accepted, unless it is the active release's."""
    product = bundle.manifest.product
    highest = highest_counter(product.name, trust_stores, prefix, now)
    if product.counter < highest and not _is_active(bundle, prefix):
        raise TrustError(
            _(
                "The bundle (release counter {new}) is older than the release that this host accepted ({highest})."
            ).format(new=product.counter, highest=highest),
            advice=_("Transfer that release or a newer one; rollback activates a release that the prefix retains."),
        )


def _refuse_downgrade(manifest: Manifest, prefix: Prefix, now: datetime) -> None:
    """Raise TrustError if a bundle is for another product, or older than the active release."""
    active = prefix.active()
    if active is None:
        return
    try:
        installed = active.manifest()
    except (RagtraceError, OSError):
        return  # damaged: this host has accepted its counter, which is checked next
    here = installed.product
    if here.name != manifest.product.name:
        raise TrustError(
            _("{path} is an installation of {here}, but this bundle is for {other}.").format(
                path=prefix.root, here=here.name, other=manifest.product.name
            ),
            advice=_("Specify another folder with --prefix."),
        )
    # a counter from the future would block every honest release
    if manifest.product.counter < here.counter and not is_ahead(installed, now):
        raise TrustError(
            _("The bundle (release counter {new}) is older than the installed release ({here}).").format(
                new=manifest.product.counter, here=here.counter
            ),
            advice=_("Use rollback to activate a release that is retained on this host."),
        )


def highest_counter(product: str, trust_stores: TrustStores, prefix: Prefix, now: datetime) -> int:
    """Return the highest counter accepted for a product on this host or by this user, or 0 if there is none.

    If the memory has none or was rebuilt, the counters that installations show count too. Raises TrustError if the
    memory is damaged and they show none.
    """
    stored = (stored_by_host(trust_stores), stored_by_user(trust_stores))
    highest = max(found.memory.products.get(product, 0) for found in stored)
    if not highest or any(found.memory.rebuilt for found in stored):
        highest = max(highest, evidence.counters(prefix, now).get(product, 0))
    if not highest and any(found.garbage for found in stored):
        raise TrustError(
            _(
                "The accepted release counter of {product} cannot be determined: a trust store has no intact copy of "
                "its records."
            ).format(product=product),
            advice=_("Run validate, then accept the remaining counters: `trust accept-memory`."),
        )
    return highest


def remember(admitted: AdmittedBundle) -> str | None:
    """Record the counter of an installed bundle.

    A failure is returned as a warning and not raised: the bundle is already installed.
    """
    if not admitted.remembered:
        return None
    trust_stores, product = admitted.trust_stores, admitted.manifest.product
    try:
        own = trust_stores.make_own()
        lost = evidence.counters(admitted.prefix) if memory.read_folder(own).memory.rebuilt else {}
        name, counter = product.name, product.counter
        memory.remember(own, counters={**lost, name: max(counter, lost.get(name, 0))})
    except (OSError, RagtraceError) as error:
        return _("{path}: the counter of this release was not recorded outside its prefix ({reason}).").format(
            path=trust_stores.own, reason=troubles.described(error)
        )
    return None


def _is_retained(bundle: Bundle, prefix: Prefix) -> bool:
    return any(release.is_of(bundle) for release in prefix.complete_releases())


def _is_active(bundle: Bundle, prefix: Prefix) -> bool:
    named = prefix.named()  # even if damaged: a repair may have to restore its mark
    return named is not None and named.is_of(bundle)


def _judge_time(bundle: Bundle, conditions: Conditions, now: datetime) -> Iterator[str]:
    created = datetime.fromtimestamp(bundle.manifest.created_epoch, timezone.utc)
    if is_ahead(bundle.manifest, now):
        text = _("The bundle is dated {created}, but this host's clock says {now}.").format(
            created=time_to_json(created), now=time_to_json(now)
        )
        if not conditions.accept_clock:
            raise TrustError(
                text,
                advice=_(
                    "Set the clock; if it is correct and you know why the bundle's date is ahead, add "
                    "--accept-clock (the release counter is then not recorded)."
                ),
            )
        yield text
    age = now - created
    if conditions.require_fresh is not None and age > timedelta(days=conditions.require_fresh):
        raise TrustError(
            plural(
                "The bundle was built {days} day ago (claimed); at most {limit} are allowed.",
                "The bundle was built {days} days ago (claimed); at most {limit} are allowed.",
                age.days,
            ).format(days=age.days, limit=conditions.require_fresh),
            advice=_("Transfer a newer release, or raise --require-fresh."),
        )
    if age > STALE:
        yield plural(
            "The bundle was built {days} day ago (claimed): ask whether a newer one is available.",
            "The bundle was built {days} days ago (claimed): ask whether a newer one is available.",
            age.days,
        ).format(days=age.days)
    for signer in bundle.signers:
        if not signer.valid(now):
            text = _("The key {fingerprint} ({name}) is not valid at this time.").format(
                fingerprint=signer.key.fingerprint, name=signer.name
            )
            if conditions.require_fresh is not None:
                raise TrustError(text, advice=_("Transfer a release that is signed with a valid key."))
            yield text
