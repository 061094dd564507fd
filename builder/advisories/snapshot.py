"""Creating a snapshot from an export: compiled, with canaries, and packed reproducibly."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from builder.advisories.records import read_export
from builder.advisories.safety_files import safety_files
from builder.advisories.signals.catalogues import cves_of, read_epss, read_kev
from builder.signing.slip import snapshot_text
from bundle import digest
from bundle.advisories import snapshot as form
from bundle.advisories.index import Advisory, write_index
from bundle.advisories.matcher import AFFECTED, CLEAR, judge
from bundle.advisories.signals import exploits
from bundle.advisories.snapshot import CANARIES, HEADER, MEMBERS, Canary, Header, MemberFile, Snapshot
from bundle.advisories.versions import Interval
from bundle.signing.policy import NAMESPACES
from shared import troubles
from shared.errors import BuildError, TrustError, UsageError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from builder.signing.sign import Signer

DROP_LIMIT = 0.05  # fraction of live advisories; withdrawals between two exports have never exceeded it
CANARY_PACKAGES = 5
ROLE = "advisories"
LICENSE = "CC-BY-4.0"
NOTICE = """\
The advisories in this file come from {source}
(state of {known_until}), in the form of OSV records.

They are licensed under CC-BY-4.0 (https://creativecommons.org/licenses/by/4.0/), attribution: the Python
Packaging Authority and the authors of the advisories. Records from other databases in the export carry the
licence of their database (https://google.github.io/osv.dev/data/). The records were shortened, and bounds
that are no versions were repaired where that is certain.
"""


@dataclass(frozen=True)
class Making:
    """The parameters of a new snapshot.

    ``sequence`` defaults to ``now`` in Unix time; ``accept_drop`` accepts far fewer advisories than in
    the previous snapshot. ``kev`` and ``epss`` are files about exploitation.
    """

    source: str
    now: datetime
    sequence: int | None = None
    accept_drop: bool = False
    kev: Path | None = None
    epss: Path | None = None


def make_snapshot(export: Path, making: Making, former: Snapshot | None = None) -> bytes:
    """Return the snapshot of an export.

    Raises BuildError if the export is incomplete, or lacks more than 5% of the advisories that were live in ``former``
    and ``accept_drop`` is false; UsageError if the sequence number does not increase.
    """
    found = read_export(export, making.now)
    sequence = making.sequence or int(making.now.timestamp())
    if former is not None:
        _check_growth(found.counts["live"], sequence, former, accept_drop=making.accept_drop)
    packages = {**found.packages, CANARIES[0].package: [_own_canary()]}
    known_until = found.known_until.replace(microsecond=0)
    notice = NOTICE.format(source=making.source, known_until=f"{known_until:%Y-%m-%d}")
    contents = (write_index(packages), *safety_files(packages), notice.encode(), found.records)
    members = {**dict(zip(MEMBERS, contents, strict=True)), **_exploits(packages, making)}
    header = Header(
        sequence=sequence,
        made=making.now.replace(microsecond=0),
        known_until=known_until,
        source=making.source,
        licence=LICENSE,
        counts=dict(sorted(found.counts.items())),
        files=tuple(MemberFile(name, len(data), digest.sha256_bytes(data)) for name, data in members.items()),
        canaries=tuple(choose_canaries(found.packages)),
        set_aside=found.set_aside,
    )
    data = _pack({HEADER: header.to_bytes(), **members})
    try:
        snapshot = form.read_snapshot(data)
        blind = list(snapshot.blind_spots())
        assert snapshot.exploits  # what was written can be read
        for package in packages:
            snapshot.index.of(package)
    except TrustError as error:
        raise BuildError(
            error.what, advice=_("Fetch the export again; if the problem persists, report it to the publisher.")
        ) from error
    assert not blind, blind
    return data


def _exploits(packages: Mapping[str, Sequence[Advisory]], making: Making) -> dict[str, bytes]:
    """Return the optional members of a snapshot: what is known of the exploitation of its vulnerabilities."""
    cves, members = cves_of(packages), {}
    if making.kev is not None:
        members[exploits.KEV] = read_kev(making.kev, cves, making.now).to_bytes()
    if making.epss is not None:
        members[exploits.EPSS] = read_epss(making.epss, cves, making.now).to_bytes()
    return members


def _check_growth(live: int, sequence: int, former: Snapshot, *, accept_drop: bool) -> None:
    before = former.header.counts["live"]
    if live < before * (1 - DROP_LIMIT) and not accept_drop:
        raise BuildError(
            _(
                "The export has {live} advisories, but the previous snapshot had {before}: more than 5% are missing."
            ).format(live=live, before=before),
            advice=_("Fetch it again; if the advisories were really withdrawn, add --accept-drop."),
        )
    if sequence <= former.header.sequence:
        raise UsageError(
            _("The sequence number {sequence} is not higher than that of the previous snapshot ({former}).").format(
                sequence=sequence, former=former.header.sequence
            ),
            advice=_("Specify a higher --sequence, or set this machine's clock; hosts would refuse this number."),
        )


def _own_canary() -> Advisory:
    return Advisory(
        id=CANARIES[0].id,
        severity="none",
        score=0.0,
        summary="No vulnerability: tests that a scanner finds what it knows",
        affected=(Interval(Version("1.0"), True, Version("2.0"), False),),
    )


def choose_canaries(packages: Mapping[str, Sequence[Advisory]]) -> Iterator[Canary]:
    """Yield canaries for packages spread over the whole index: for each, an affected version and an unaffected one.

    If no package has both, yield those that every snapshot has.
    """
    fit = sorted(name for name, advisories in packages.items() if any(map(_bounds, advisories)))
    for place in range(min(CANARY_PACKAGES, len(fit))):
        name = fit[place * len(fit) // CANARY_PACKAGES]
        advisory, (low, high) = next((one, found) for one in packages[name] if (found := _bounds(one)))
        yield Canary(name, low, advisory.id, hit=True)
        yield Canary(name, high, advisory.id, hit=False)
    if not fit:
        yield from CANARIES


def _bounds(advisory: Advisory) -> tuple[str, str] | None:
    """Return a version that an advisory affects and one that it does not, or None if it has no such bounds."""
    for interval in advisory.affected:
        low, high = str(interval.low), str(interval.high)
        if judge(advisory, low) == AFFECTED and interval.high is not None and judge(advisory, high) == CLEAR:
            return low, high
    return None


def _pack(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(info, data)
    return stream.getvalue()


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot without checking its signatures. Raises UsageError if unreadable, TrustError if invalid."""
    try:
        with path.open("rb") as file:
            data = file.read(form.SNAPSHOT_LIMIT + 1)
    except OSError as error:
        wanted = _("Specify a snapshot that `advisories import` or `advisories fetch` created.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    return form.read_snapshot(data)


def write_snapshot(path: Path, data: bytes, signers: Sequence[Signer]) -> list[Path]:
    """Write a snapshot, its signatures and their slip, replacing those of a previous one; return the paths written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signatures = {f"{path.name}.{signer.key.keyid}.sig": signer.sign(data, NAMESPACES[ROLE]) for signer in signers}
    for old in path.parent.glob(f"{path.name}.*.sig"):
        old.unlink()
    outputs.write(path, data, mode=0o644)
    for name, signature in signatures.items():
        outputs.write(path.with_name(name), signature, mode=0o644)
    paths = [path, *(path.with_name(name) for name in signatures)]
    if signatures:
        slip = path.with_name(f"{path.name}.slip.txt")
        outputs.write(slip, snapshot_text(form.read_snapshot(data), [signer.key for signer in signers]).encode())
        paths.append(slip)
    return paths


def previous_of(path: Path) -> Snapshot | None:
    """Return the snapshot that a new one would replace, or None if there is none."""
    return load_snapshot(path) if os.path.lexists(path) else None
