"""Whether one file is a statement of the installation that it names: its signature first, then its contents."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Union

from bundle.digest import sha256_bytes
from bundle.signing.signature import verify, wire
from fleet import statement
from fleet.enrolled import principal
from fleet.folder import UNSIGNED
from fleet.statement import NAMESPACES, RECEIPT, REPORT, Statement
from shared.errors import TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from bundle.signing.signature import PublicKey
    from fleet.enrolled import Enrolled
    from fleet.folder import Found

# why a file does not count; folder.py has more
FOREIGN, MALFORMED, ALTERED, NOT_ENROLLED, OTHER_ASSET = (
    "foreign",
    "malformed",
    "altered",
    "not-enrolled",
    "other-asset",
)
OTHER_PRODUCT, OTHER_NONCE, CLONED, OLDER = "other-product", "other-nonce", "cloned", "older"
_OURS = re.compile(rb'"urn:ragtrace:[a-z]{1,20}:v[0-9]{1,4}"')


@dataclass(frozen=True)
class Wanted:
    """What statements must have to count: the nonce that was sent and the product, None for any; and the time now."""

    nonce: str | None = None
    product: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


@dataclass(frozen=True)
class Seen:
    """A statement that counts, its file, and the digest of its bytes; ``enrolled`` is the name that its key stands for.

    ``assets`` are all names for which its key is enrolled.
    """

    statement: Statement
    file: str
    sha256: str
    assets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file that does not count: the kind of problem, the reason, and which asset and host it claims to be from."""

    file: str
    kind: str
    reason: str
    asset: str = ""
    hostname: str = ""


def judge(found: Found, enrolled: Enrolled | None, wanted: Wanted) -> Union[Seen, Refused]:
    """Return a file's statement, or why it does not count; without ``enrolled`` any key may sign."""
    # 1. Could both files be read, and are they of this tool?
    if found.problem in ("", UNSIGNED) and not _OURS.search(found.data):
        return Refused(found.name, FOREIGN, _("it is not a statement of this tool"))
    if found.problem:
        return Refused(found.name, found.problem, found.reason)
    # 2. The signature, before anything is read from what it signs.
    kind = _kind_of(found.signature)
    try:
        key = verify(found.signature, found.data, NAMESPACES[kind], name=found.name)
    except TrustError as error:
        return Refused(found.name, ALTERED, error.what.rstrip("."))
    # 3. The contents, which must be of the kind that was signed.
    try:
        read = statement.parse(found.data, found.name, kind)
    except TrustError as error:
        return Refused(found.name, MALFORMED, error.what.rstrip("."))
    # 4. The key, and what was asked for.
    assets: tuple[str, ...] = ()
    for kind_of_problem, rule in _RULES:
        reason = rule(read, key, enrolled, wanted)
        if reason:
            return Refused(found.name, kind_of_problem, reason, read.origin.asset, read.origin.hostname)
    if enrolled is not None:
        assets = tuple(sorted({one.principal for one in enrolled.of(key)}))
    return Seen(read, found.name, sha256_bytes(found.data), assets)


def _kind_of(signature: bytes) -> str:
    """Return the kind whose namespace a signature names; ``verify`` then holds it to that."""
    try:
        raw = base64.b64decode(b"".join(signature.split(b"\n")[1:-2]))
    except ValueError:
        return REPORT
    return RECEIPT if wire(NAMESPACES[RECEIPT].encode()) in raw else REPORT


def _own_key(read: Statement, key: PublicKey, _enrolled: Enrolled | None, _wanted: Wanted) -> str:
    if read.origin.keyid == key.keyid:
        return ""
    return _("it names the key {named}, but {keyid} signed it").format(named=read.origin.keyid, keyid=key.keyid)


def _known(read: Statement, key: PublicKey, enrolled: Enrolled | None, wanted: Wanted) -> str:
    if enrolled is None:
        return ""
    found = enrolled.of(key)
    if not found:
        return _("the key {fingerprint} is not enrolled").format(fingerprint=key.fingerprint)
    if any(one.allows(NAMESPACES[read.kind], wanted.now) for one in found):
        return ""
    return _("the key {fingerprint} may not sign this kind of statement now").format(fingerprint=key.fingerprint)


def _same_asset(read: Statement, key: PublicKey, enrolled: Enrolled | None, _wanted: Wanted) -> str:
    if enrolled is None or principal(read.origin.asset) in {one.principal for one in enrolled.of(key)}:
        return ""
    names = ", ".join(sorted({one.principal for one in enrolled.of(key)}))
    return _("it names the asset {asset}, but its key is enrolled for {names}").format(
        asset=read.origin.asset, names=names
    )


def _same_product(read: Statement, _key: PublicKey, _enrolled: Enrolled | None, wanted: Wanted) -> str:
    product = read.installed.product if read.installed else ""
    if wanted.product is None or product == wanted.product:
        return ""
    return _("it is about the product {product}").format(product=product or "-")


def _asked_for(read: Statement, _key: PublicKey, _enrolled: Enrolled | None, wanted: Wanted) -> str:
    if wanted.nonce is None or read.origin.nonce == wanted.nonce:
        return ""
    return _("it does not answer this request: its nonce is {nonce}").format(nonce=read.origin.nonce or "-")


if TYPE_CHECKING:
    Rule = Callable[[Statement, PublicKey, Enrolled | None, Wanted], str]

# each returns the reason for which a statement does not count, or ""
_RULES: tuple[tuple[str, Rule], ...] = (
    (ALTERED, _own_key),
    (NOT_ENROLLED, _known),
    (OTHER_ASSET, _same_asset),
    (OTHER_PRODUCT, _same_product),
    (OTHER_NONCE, _asked_for),
)
