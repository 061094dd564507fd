"""The snapshot: one zip file with all advisories known at one moment, signed as a whole.

``snapshot.json`` (the header) · ``index.jsonl`` · ``insecure.json`` and ``insecure_full.json`` (the same data for
safety, schema 2.0.0) · ``NOTICE`` · ``records.jsonl`` (the records as published, since format 2) · ``kev.json`` and
``epss.csv`` (optional, since format 2). The header lists the others with size and SHA-256.
The caller must verify the signature of a snapshot, or its digest in a signed manifest, before reading it.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bundle import digest, strict
from bundle.advisories.index import Index, parse_index
from bundle.advisories.matcher import AFFECTED, judge
from bundle.advisories.raw import lines
from bundle.advisories.raw.literal import Question, evaluate
from bundle.advisories.signals import exploits
from bundle.strict import Document, Value, by, refuse, time_from_json, time_to_json
from shared.files.zips import BROKEN
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from bundle.advisories.raw.literal import Judgements

NAME = "advisories.zip"
HEADER, INDEX, NOTICE, RECORDS = "snapshot.json", "index.jsonl", "NOTICE", "records.jsonl"
SAFETY_FILES = ("insecure.json", "insecure_full.json")
FORMER_MEMBERS = (INDEX, *SAFETY_FILES, NOTICE)  # of format 1
MEMBERS = (*FORMER_MEMBERS, RECORDS)
OPTIONAL = (exploits.KEV, exploits.EPSS)
SNAPSHOT_LIMIT = 64 << 20  # bytes of the zip
MEMBER_LIMIT = 256 << 20  # bytes of one member; the real index was 2 MB in 2026
HEADER_LIMIT = 1 << 20  # bytes
SET_ASIDE_LIMIT = 100  # records that break the schema; an export with more of them is refused
_BROKEN = (*BROKEN, KeyError, ValueError)


def _counts(value: Any, path: str) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > 100:
        raise refuse(path, _("not an object with at most {limit} keys").format(limit=100))
    return {strict.text(name, path): strict.integer(item, f"{path}.{name[:80]}") for name, item in value.items()}


@dataclass(frozen=True)
class MemberFile(Value):
    """A member's name, size in bytes and digest."""

    name: str = field(metadata=by(strict.choice, choices=(*MEMBERS, *OPTIONAL)))
    size: int = field(metadata=by(strict.integer, most=MEMBER_LIMIT))
    sha256: str = field(metadata=by(strict.sha256))


@dataclass(frozen=True)
class Canary(Value):
    """A version known to be affected, or not, by an advisory: a scanner that reports otherwise cannot be relied on."""

    package: str = field(metadata=by(strict.text))
    version: str = field(metadata=by(strict.text))
    id: str = field(metadata=by(strict.text))
    hit: bool = field(metadata=by(strict.boolean))


@dataclass(frozen=True)
class SetAside(Value):
    """A record that breaks the OSV schema: its id or file, the reason, and the packages it names, if they are legible.

    These packages are undecided; if there are none, all packages are.
    """

    id: str = field(metadata=by(strict.text, limit=lines.ID_LIMIT))
    reason: str = field(metadata=by(strict.text))
    packages: tuple[str, ...] = field(metadata=by(strict.texts))


# a fictitious package, named after this tool, that is in every snapshot
CANARIES = (
    Canary("ragtrace-canary", "1.5", "RAGTRACE-CANARY", hit=True),
    Canary("ragtrace-canary", "2.0", "RAGTRACE-CANARY", hit=False),
)


@dataclass(frozen=True)
class Header(Document):
    """The header of a snapshot.

    ``sequence`` only grows; ``known_until`` is the time of the newest change to its records, ``made`` the time when it
    was created. ``counts`` maps each type of record to its number. Format 2 has the records themselves.
    """

    LATEST = 2

    sequence: int = field(metadata=by(strict.integer, least=1))
    made: datetime = field(metadata=by(time_from_json))
    known_until: datetime = field(metadata=by(time_from_json))
    source: str = field(metadata=by(strict.text))
    licence: str = field(metadata=by(strict.text))
    counts: dict[str, int] = field(metadata=by(_counts))
    files: tuple[MemberFile, ...] = field(metadata=by(strict.items, of=MemberFile.from_json, most=10))
    canaries: tuple[Canary, ...] = field(metadata=by(strict.items, of=Canary.from_json, most=100))
    set_aside: tuple[SetAside, ...] = field(
        default=(), metadata=by(strict.items, of=SetAside.from_json, most=SET_ASIDE_LIMIT, added=True)
    )

    @property
    def members(self) -> list[str]:
        """The names of the other members."""
        return [file.name for file in self.files]

    @property
    def has_records(self) -> bool:
        """Whether the snapshot has the records themselves: from format 2 on."""
        return RECORDS in self.members

    def written_format(self) -> int:
        return 2 if self.has_records else 1

    def check(self, path: str) -> None:
        """Refuse a header that omits a member, has no live records, or does not have canaries of both kinds."""
        needed = [*MEMBERS, *(name for name in OPTIONAL if name in self.members)]
        if self.members not in (needed, list(FORMER_MEMBERS)):
            raise refuse(f"{path}.files", _("does not have exactly the members of a snapshot"))
        if self.has_records or self.set_aside:
            self._check_sums(path)
        if not self.counts.get("live"):
            raise refuse(f"{path}.counts", _("no live advisories"))
        if {canary.hit for canary in self.canaries} != {True, False}:
            raise refuse(f"{path}.canaries", _("must contain canaries that match and canaries that do not"))

    def _check_sums(self, path: str) -> None:
        """Refuse counts of format 2 that do not add up."""
        names = ("records", "live", "withdrawn", "set_aside")
        records, *parts = (self.counts.get(name, -1) for name in names)
        if not self.counts.keys() >= set(names) or records != sum(parts) or parts[-1] != len(self.set_aside):
            raise refuse(
                f"{path}.counts", _("the number of records is not the sum of the live, withdrawn and set-aside ones")
            )


@dataclass(frozen=True)
class Snapshot:
    """An opened snapshot: its header, the digest of its bytes, and its members, which are read on first use."""

    header: Header
    sha256: str
    data: bytes = field(repr=False)

    def member(self, name: str) -> bytes:
        """Return a member's bytes. Raises TrustError unless they match the header."""
        wanted = next(file for file in self.header.files if file.name == name)
        found = _read(self.data, name, wanted.size)
        if (digest.sha256_bytes(found), len(found)) != (wanted.sha256, wanted.size):
            raise refuse(f"{NAME}.{name}", _("does not match the header"))
        return found

    @cached_property
    def index(self) -> Index:
        """The advisories by package."""
        return parse_index(self.member(INDEX), INDEX)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield every record as published, live and withdrawn, sorted by id; of its values, only the id is checked.

        Raises TrustError if a line is invalid, if their number differs from the header's, or if the snapshot has none
        (format 1).
        """
        if not self.header.has_records:
            raise refuse(f"{NAME}.{RECORDS}", _("missing in a snapshot of format 1"))
        count = 0
        for record in lines.read_records(self.member(RECORDS), RECORDS):
            count += 1
            yield record
        if count != self.header.counts["live"] + self.header.counts["withdrawn"]:
            raise refuse(RECORDS, _("does not have the number of records that the header declares"))

    def read_all(self) -> None:
        """Read every line of the index and every record: a scan reads only some. Raises TrustError if one is malformed.

        The catalogues are read too.
        """
        for name in self.index.lines:
            self.index.of(name)
        for _record in self.records() if self.header.has_records else ():
            pass
        assert self.exploits is not None

    def evaluate(self, installed: Iterable[tuple[str, str | None]]) -> Judgements:
        """Judge installed packages, by name and version, by the records themselves. Raises TrustError like ``records``.

        Those without a version are omitted: nothing can be judged.
        """
        known = {(name, version) for name, version in installed if version is not None}
        aside = [(one.id, one.packages) for one in self.header.set_aside]
        return evaluate(self.records(), Question(known, time_to_json(self.header.made), aside))

    @cached_property
    def withdrawn(self) -> frozenset[str]:
        """The ids of the records that their databases had withdrawn when the snapshot was made; none in format 1."""
        if not self.header.has_records:
            return frozenset()
        return lines.withdrawn_of(self.member(RECORDS), RECORDS, time_to_json(self.header.made))

    @cached_property
    def exploits(self) -> exploits.Exploits:
        """What the snapshot's optional members say about exploitation. Raises TrustError if one of them is invalid."""
        names = self.header.members
        return exploits.Exploits(
            exploits.read_catalogue(self.member(exploits.KEV)) if exploits.KEV in names else None,
            exploits.read_scores(self.member(exploits.EPSS), exploits.EPSS) if exploits.EPSS in names else None,
        )

    def canaries(self) -> tuple[Canary, ...]:
        """Return every canary of this snapshot, including those that all snapshots have."""
        return (*CANARIES, *self.header.canaries)

    def blind_spots(self) -> Iterator[str]:
        """Yield each canary for which the matcher is wrong, as a string."""
        for canary in self.canaries():
            found = [one for one in self.index.of(canary.package) if one.id == canary.id]
            hit = any(judge(one, canary.version) == AFFECTED for one in found)
            if not found or hit != canary.hit:
                yield f"{canary.package} {canary.version} ({canary.id})"


def read_snapshot(data: bytes) -> Snapshot:
    """Open a snapshot whose bytes are trusted. Raises TrustError if it is malformed."""
    if len(data) > SNAPSHOT_LIMIT:
        raise refuse(NAME, _("larger than {limit} bytes").format(limit=SNAPSHOT_LIMIT))
    header = Header.from_bytes(_read(data, HEADER, HEADER_LIMIT), HEADER, limit=HEADER_LIMIT)
    if sorted(_names(data)) != sorted((HEADER, *header.members)):
        raise refuse(NAME, _("does not have exactly the members of a snapshot"))
    return Snapshot(header, digest.sha256_bytes(data), data)


def _names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def _read(data: bytes, name: str, limit: int) -> bytes:
    """Return the first ``limit`` + 1 bytes of a member, or all of them if there are fewer."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if not set(archive.namelist()) <= {HEADER, *MEMBERS, *OPTIONAL}:
                raise refuse(NAME, _("does not have exactly the members of a snapshot"))
            if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise refuse(NAME, _("its members are not compressed with the method of a snapshot"))
            with archive.open(name) as member:
                return member.read(limit + 1)
    except _BROKEN as error:
        raise refuse(NAME, _("not a valid zip file: {reason}").format(reason=error)) from error
