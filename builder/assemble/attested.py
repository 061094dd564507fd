"""Checking the attestations of a bundle again, offline, by the objects and the trust root that travel in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.fetch.simple_index import UnansweredError
from builder.lock.locked import LockedWheel
from builder.wheels.attesting.attestation_record import (
    FILE,
    FOLDER,
    FORMAT,
    OBJECT,
    RECORD_LIMIT,
    ROOT,
    VERDICTS,
    VERIFIED,
)
from builder.wheels.attesting.attestation_trust import ROOT_LIMIT, Root, Terms, read_root, unlisted
from builder.wheels.attesting.attestations import PROVENANCE_LIMIT
from builder.wheels.attesting.provenance_object import verify
from bundle import strict
from bundle.digest import sha256_bytes
from bundle.reading.medium import drain
from bundle.strict import Fields, refuse
from bundle.wheels import structure
from shared.errors import BuildError, TrustError
from shared.files import temp_folders
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bundle.manifest import FileEntry
    from bundle.opening import Bundle

OBJECT_PATH = FOLDER + "/{sha256}.json"
LIMITS = {FILE: RECORD_LIMIT, ROOT: ROOT_LIMIT}


@dataclass(frozen=True)
class Checked:
    """A wheel of a bundle: the recorded verdict, and the publishers that were verified again, if it is ``verified``."""

    wheel: str
    sha256: str
    verdict: str
    reason: str
    publishers: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "publishers": [dict(one) for one in self.publishers]}


def check_again(bundle: Bundle, terms: Terms) -> tuple[Checked, ...]:
    """Verify the attestations in a bundle again, against its own trust root or the one that ``terms`` name.

    1. The record must be about the wheels of the manifest, by name and digest.
    2. Each wheel that it calls verified must have an object that is valid for its digest now.
    3. Its publishers must be the recorded ones, and allowed.

    Raises TrustError if one of these does not hold or the bundle has no record, UsageError for a trust root that cannot
    be used.
    """
    held = _held(bundle)
    if FILE not in held:
        raise TrustError(
            _("{bundle} has no record of attestations.").format(bundle=bundle.location),
            advice=_("Build with --attestations record."),
        )
    rows = _rows(held)
    root = _root(held, terms) if any(row["verdict"] == VERIFIED for row in rows) else None
    signed = {(entry.path.rpartition("/")[2], entry.sha256) for entry in bundle.manifest.of_kind("wheel")}
    return tuple(_checked(row, held, root, signed, terms) for row in rows)


def _held(bundle: Bundle) -> dict[str, bytes]:
    """Return the members of a bundle about attestations."""
    held: dict[str, bytes] = {}

    def take(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        limit = LIMITS.get(entry.path, PROVENANCE_LIMIT if OBJECT.fullmatch(entry.path) else 0)
        if not limit:
            drain(blocks)
            return
        if entry.size > limit:
            raise refuse(entry.path, _("larger than {limit} bytes").format(limit=limit))
        held[entry.path] = b"".join(blocks)

    bundle.visit(take, lambda _count: None)
    return held


def _rows(held: Mapping[str, bytes]) -> tuple[dict[str, Any], ...]:
    fields = Fields(strict.loads(held[FILE], FILE, limit=RECORD_LIMIT), FILE)
    fields.integer("format", least=FORMAT, most=FORMAT)
    root = fields.left.pop("trust_root", None)  # records of the first builders have none
    if ROOT in held and root != sha256_bytes(held[ROOT]):
        raise refuse(f"{FILE}.trust_root", _("not the digest of {path}").format(path=ROOT))
    rows = fields.items("wheels", _row, most=100_000)
    fields.done()
    return rows


def _row(value: Any, path: str) -> dict[str, Any]:
    fields = Fields({"reason": "", **value} if isinstance(value, dict) else value, path)
    row: dict[str, Any] = {
        "wheel": fields.text("wheel"),
        "sha256": fields.nested("sha256", strict.sha256),
        "verdict": fields.nested("verdict", strict.choice, choices=VERDICTS),
        "reason": fields.text("reason", empty=True),
        "publishers": fields.items("publishers", _publisher, most=100),
    }
    fields.done()
    return row


def _publisher(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise refuse(path, _("not a publisher"))
    return value


def _root(held: Mapping[str, bytes], terms: Terms) -> Root:
    if terms.root is not None:
        return read_root(terms.root)
    if ROOT not in held:
        raise TrustError(
            _("The bundle has no {path}, which is needed to verify its attestations again.").format(path=ROOT),
            advice=_("Specify a trust root with --trust-root; earlier builders did not include theirs."),
        )
    with temp_folders.scratch() as folder:
        path = folder / "trusted_root.json"
        path.write_bytes(held[ROOT])
        return read_root(path)


def _checked(
    row: Mapping[str, Any], held: Mapping[str, bytes], root: Root | None, signed: set[tuple[str, str]], terms: Terms
) -> Checked:
    name, sha256 = row["wheel"], row["sha256"]
    if (name, sha256) not in signed:
        raise refuse(FILE, _("{wheel} is not in the manifest with this digest").format(wheel=name))
    publishers: tuple[Mapping[str, Any], ...] = ()
    if row["verdict"] == VERIFIED:
        assert root is not None
        publishers = _publishers(name, sha256, held, root)
        if [dict(one) for one in publishers] != list(row["publishers"]):
            raise refuse(FILE, _("{wheel} has other publishers than its attestation").format(wheel=name))
        others = unlisted(publishers, terms.publishers)
        if others:
            raise TrustError(
                _("{wheel} was published by {publisher}, which is not an allowed publisher.").format(
                    wheel=name, publisher=", ".join(others)
                ),
                advice=_("Find out why it has another publisher; if it may have, add it with --publisher."),
            )
    return Checked(name, sha256, row["verdict"], row["reason"], publishers)


def _publishers(name: str, sha256: str, held: Mapping[str, bytes], root: Root) -> tuple[Mapping[str, Any], ...]:
    data = held.get(OBJECT_PATH.format(sha256=sha256))
    if data is None:
        raise TrustError(
            _("{wheel}: the bundle has no attestation, although it is recorded as verified.").format(wheel=name),
            advice=_("Use the full bundle of the same release; a delta bundle may omit it."),
        )
    package, version = structure.named(name)
    wheel = LockedWheel(name, package, version, "", None, sha256)
    try:
        return tuple(verify(wheel, _("this bundle"), data, root))
    except UnansweredError as error:
        raise TrustError(f"{error}.", advice=_advice()) from error
    except BuildError as error:
        raise TrustError(error.what, advice=_advice()) from error


def _advice() -> str:
    return _("Do not install this bundle until whoever built it has explained the problem.")
