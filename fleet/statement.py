"""Statements of installations: what each says of itself, in-toto Statement v1 signed as SSHSIG with a key of its own.

There are two kinds, each with a namespace for its signatures: the receipt of the active release, and the report of a
validation. Both have the same origin: which host and installation, which key, a sequence number that only rises for
each key and installation, and the nonce of whoever asked. Format: https://github.com/in-toto/attestation (spec v1).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Union

from bundle import strict
from bundle.digest import sha256_bytes
from bundle.strict import Fields, Value, by, refuse
from shared.i18n import _

if TYPE_CHECKING:
    from datetime import datetime

LIMIT = 64 << 10  # bytes of a statement
SUFFIX, SIGNATURE = ".json", ".sig"  # NAME.json, and its signature in NAME.json.sig
IN_TOTO = "https://in-toto.io/Statement/v1"
RECEIPT, REPORT = "receipt", "report"
NAMESPACES = {RECEIPT: "ragtrace-receipt@v1", REPORT: "ragtrace-report@v1"}
PREDICATES = {RECEIPT: "urn:ragtrace:receipt:v1", REPORT: "urn:ragtrace:report:v1"}
FILES = {RECEIPT: "receipt.json", REPORT: "report.json"}  # the names of the subjects
NAME_LIMIT, DETAILS_LIMIT, NONCE_LIMIT = 255, 300, 128  # characters
ASSET_LIMIT = 255  # characters: an asset name, or else the host name
PROBLEMS_LIMIT, SIGNERS_LIMIT = 200, 32
COUNT_LIMIT = 1_000_000
# most urgent first
OVERALL = ("CRITICAL", "WARNING", "GOOD", "EXCELLENT")
STATUSES = ("FAIL", "ERROR", "WARN", "SKIP", "PASS")
URGENT = ("FAIL", "ERROR", "WARN")


def _short(*, limit: int = NAME_LIMIT, empty: bool = False) -> dict[str, Any]:
    return by(strict.text, limit=limit, empty=empty)


def _perhaps(limit: int = NAME_LIMIT) -> dict[str, Any]:
    return by(strict.optional, of=_named(limit))


def _named(limit: int) -> Any:
    def read(value: Any, path: str) -> str:
        return strict.text(value, path, limit=limit)

    return read


def _counts(value: Any, path: str) -> dict[str, int]:
    fields = Fields(value, path)
    counts = {name: fields.integer(name, most=COUNT_LIMIT) for name in STATUSES if name in fields.left}
    fields.done()
    return counts


@dataclass(frozen=True)
class Origin(Value):
    """Which installation a statement is from, and its place among that installation's statements.

    ``asset`` is the name under which its key is enrolled; ``nonce`` is empty if nobody asked.
    """

    asset: str = field(metadata=_short(limit=ASSET_LIMIT))
    hostname: str = field(metadata=_short())
    machine_id: str | None = field(metadata=_perhaps())
    installation: str = field(metadata=_short())
    prefix: str = field(metadata=_short(limit=1024))
    keyid: str = field(metadata=_short(limit=16))
    sequence: int = field(metadata=by(strict.integer, least=1))
    nonce: str = field(metadata=_short(limit=NONCE_LIMIT, empty=True))
    issued: datetime = field(metadata=by(strict.time_from_json))

    @property
    def machine(self) -> tuple[str, str, str | None]:
        """What distinguishes two hosts."""
        return self.asset, self.hostname.lower(), self.machine_id

    @property
    def place(self) -> str:
        """The SHA-256 of what distinguishes two hosts or folders."""
        return sha256_bytes("\0".join((*self.machine[:2], self.machine_id or "", self.prefix)).encode())


@dataclass(frozen=True)
class Installed(Value):
    """The active release."""

    product: str = field(metadata=_short())
    version: str = field(metadata=_short())
    counter: int = field(metadata=by(strict.integer))
    release: str = field(metadata=_short())
    manifest_sha256: str = field(metadata=by(strict.sha256))


@dataclass(frozen=True)
class ReceiptFacts(Value):
    """What the receipt of a release says about how it was made."""

    installed: str = field(metadata=_short())
    interpreter_version: str = field(metadata=_short())
    locked: bool = field(metadata=by(strict.boolean))
    signers: tuple[str, ...] = field(metadata=by(strict.texts, most=SIGNERS_LIMIT))


@dataclass(frozen=True)
class Problem(Value):
    """A result of a check that requires action."""

    check_id: str = field(metadata=by(strict.text, key="check", limit=NAME_LIMIT))
    category: str = field(metadata=_short(limit=40))
    status: str = field(metadata=by(strict.choice, choices=URGENT))
    name: str = field(metadata=_short())
    details: str = field(metadata=_short(limit=DETAILS_LIMIT, empty=True))


@dataclass(frozen=True)
class ReportFacts(Value):
    """What a validation found: its problems, most urgent first; ``left_out`` of them did not fit.

    ``advisories_until`` is the day up to which the host's advisories are complete, or None if it has none.
    """

    status: str = field(metadata=by(strict.choice, choices=OVERALL))
    timestamp: datetime = field(metadata=by(strict.time_from_json))
    effort: str | None = field(metadata=_perhaps())
    not_run: int = field(metadata=by(strict.integer, most=COUNT_LIMIT))
    counts: dict[str, int] = field(metadata=by(_counts))
    problems: tuple[Problem, ...] = field(metadata=by(strict.items, of=Problem.from_json, most=PROBLEMS_LIMIT))
    left_out: int = field(metadata=by(strict.integer, most=COUNT_LIMIT))
    advisories_until: datetime | None = field(metadata=by(strict.optional, of=strict.time_from_json))
    platform: str = field(metadata=_short())
    python_version: str = field(metadata=_short())


Facts = Union[ReceiptFacts, ReportFacts]
_FACTS: dict[str, Any] = {RECEIPT: ReceiptFacts, REPORT: ReportFacts}


@dataclass(frozen=True)
class Statement:
    """One statement; ``installed`` is None if no release is active, ``sha256`` is that of the receipt or report."""

    origin: Origin
    installed: Installed | None
    installer_version: str
    audit_head: str | None
    sha256: str
    facts: Facts

    @property
    def kind(self) -> str:
        return REPORT if isinstance(self.facts, ReportFacts) else RECEIPT

    def to_bytes(self) -> bytes:
        """Return the bytes that are signed, at most LIMIT: the least urgent problems are left out if it is too long."""
        statement = self
        while True:
            data = strict.dumps(statement._to_json())
            if len(data) <= LIMIT or not isinstance(statement.facts, ReportFacts) or not statement.facts.problems:
                return data
            facts = statement.facts
            stay = len(facts.problems) * 3 // 4
            dropped = len(facts.problems) - stay
            facts = replace(facts, problems=facts.problems[:stay], left_out=facts.left_out + dropped)
            statement = replace(statement, facts=facts)

    def _to_json(self) -> dict[str, Any]:
        subjects = [{"name": FILES[self.kind], "digest": {"sha256": self.sha256}}]
        if self.installed is not None:
            subjects.append({"name": "MANIFEST.json", "digest": {"sha256": self.installed.manifest_sha256}})
        predicate = {
            "origin": self.origin.to_json(),
            "installed": self.installed.to_json() if self.installed else None,
            "installer_version": self.installer_version,
            "audit_head": self.audit_head,
            self.kind: self.facts.to_json(),
        }
        return {"_type": IN_TOTO, "subject": subjects, "predicateType": PREDICATES[self.kind], "predicate": predicate}


def parse(data: bytes, name: str, kind: str) -> Statement:
    """Parse a statement of a kind. Raises TrustError with the path of the refused value."""
    fields = Fields(strict.loads(data, name, limit=LIMIT), name)
    if fields.text("_type") != IN_TOTO:
        raise refuse(f"{name}._type", _("not an in-toto statement of version 1"))
    if fields.text("predicateType") != PREDICATES[kind]:
        raise refuse(f"{name}.predicateType", _("not {expected}").format(expected=PREDICATES[kind]))
    subjects = dict(fields.items("subject", _subject, most=2))
    predicate = Fields(fields.nested("predicate", _as_it_is), f"{name}.predicate")
    fields.done()
    if FILES[kind] not in subjects:
        raise refuse(f"{name}.subject", _("does not name {file}").format(file=FILES[kind]))
    statement = Statement(
        origin=predicate.nested("origin", Origin.from_json),
        installed=predicate.optional("installed", Installed.from_json),
        installer_version=predicate.text("installer_version", limit=NAME_LIMIT),
        audit_head=predicate.optional("audit_head", strict.sha256),
        sha256=subjects[FILES[kind]],
        facts=predicate.nested(kind, _FACTS[kind].from_json),
    )
    predicate.done()
    return statement


def _subject(value: Any, path: str) -> tuple[str, str]:
    fields = Fields(value, path)
    name = fields.text("name", limit=NAME_LIMIT)
    digests = Fields(fields.nested("digest", _as_it_is), f"{path}.digest")
    found = digests.nested("sha256", strict.sha256)
    digests.done()
    fields.done()
    return name, found


def _as_it_is(value: Any, _path: str) -> Any:
    return value
