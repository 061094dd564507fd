"""What this host knows of a product's advisories: the newest snapshot and the retained list in its trust folders.

The memory of the trust folder names both by their SHA-256 (installer/trust/knowledge.py), so every prefix of the
product judges by them, and no removal of a prefix makes the host forget. PREFIX/state/advisories has a copy of the
list for runs that have another trust folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle import digest
from bundle.advisories.retained import entries
from bundle.signing.signature import SIGNATURE_LIMIT
from installer.advisories.kinds import SNAPSHOTS, Signed, Stored, read_file
from installer.trust import knowledge
from shared import troubles
from shared.errors import TrustError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bundle.advisories.retained.entries import Retained
    from installer.release.installation import Installation
    from installer.trust.knowledge import Shelf
    from installer.trust.stores import TrustStores

SNAPSHOT = knowledge.Kind("snapshot", ".zip", SNAPSHOTS.limit)
LIST = knowledge.Kind("retained", ".json", entries.LIMIT)


class LostError(TrustError):
    """Something that this host has recorded is not here; the record remains until that very file returns."""


@dataclass(frozen=True)
class Known:
    """What the trust folders have about a product, as of one moment."""

    product: str
    trust_stores: TrustStores
    shelves: tuple[Shelf, ...]

    def snapshots(self) -> list[Stored[Any]]:
        """Return the intact snapshots; signatures of those that updates installed are not verified here."""
        found = {}
        for shelf in self.shelves:
            for sha256, data in shelf.read(SNAPSHOT).items():
                signatures = shelf.signatures(sha256, SIGNATURE_LIMIT)
                signed = Signed(data, signatures) if signatures else None
                found[sha256] = Stored(SNAPSHOTS.read(data), sha256, updated=True, signed=signed)
        return list(found.values())

    def recorded(self) -> dict[str, int]:
        """Return the digests of the recorded snapshots, each with its sequence number."""
        return {key: value for shelf in self.shelves for key, value in shelf.recorded(SNAPSHOT, self.product).items()}

    def retained(self, mirror: Path) -> Retained:
        """Return the retained lists as one.

        ``mirror`` is the prefix's copy, which may be missing, or have what was not recorded. Raises LostError if a
        recorded list is not here, TrustError if none is recorded and the prefix's cannot be read.
        """
        found, wanted = {}, {}
        for shelf in self.shelves:
            found.update(shelf.read(LIST))
            for sha256 in shelf.recorded(LIST, self.product):
                wanted[sha256] = shelf.folder / f"{sha256}{LIST.suffix}"
        lists = {sha256: entries.read_retained(data) for sha256, data in found.items()}
        try:
            data = read_file(mirror, entries.LIMIT)
            lists.setdefault(digest.sha256_bytes(data), entries.read_retained(data))
        except FileNotFoundError:
            pass
        except (OSError, TrustError) as error:
            if not wanted:
                raise _unreadable(mirror, error) from error
        gone = [path for sha256, path in wanted.items() if sha256 not in lists]
        if gone:
            raise _lost_list(gone[0])
        replaced = {one for each in lists.values() for one in each.superseded}
        return entries.merged(each for sha256, each in lists.items() if sha256 not in replaced)

    def lists(self) -> dict[str, int]:
        """Return the digests of the recorded lists, each with its number."""
        return {key: value for shelf in self.shelves for key, value in shelf.recorded(LIST, self.product).items()}

    def save(self, snapshot: Stored[Any], signatures: Mapping[str, bytes], retained: Retained) -> None:
        """Store a snapshot and the retained list in the trust folder of this run, and record them.

        Raises BusyError if another run changed them meanwhile, OSError, HostError or TrustError if that fails.
        """
        data, own = retained.to_bytes(), self._own()
        new = []
        if digest.sha256_bytes(data) not in own[LIST] and (retained != entries.NONE or own[LIST]):
            new.append(knowledge.File(LIST, data, max(own[LIST].values(), default=0) + 1, {}))
        new.append(knowledge.File(SNAPSHOT, snapshot.value.data, SNAPSHOTS.sequence(snapshot.value), signatures))
        knowledge.store(self.product, self.trust_stores, new, lambda shelf: _recorded(shelf, self.product) == own)

    def _own(self) -> dict[knowledge.Kind, dict[str, int]]:
        own = next(shelf for shelf in self.shelves if self.trust_stores.own in shelf.folder.parents)
        return _recorded(own, self.product)


def _recorded(shelf: Shelf, product: str) -> dict[knowledge.Kind, dict[str, int]]:
    return {kind: shelf.recorded(kind, product) for kind in (SNAPSHOT, LIST)}


def of(installation: Installation, trust_stores: TrustStores) -> Known:
    """Return what this host knows about an installation's product."""
    product = installation.manifest.product.name
    return Known(product, trust_stores, tuple(knowledge.shelves(product, trust_stores)))


def write_mirror(path: Path, retained: Retained) -> None:
    """Write the prefix's copy of the retained list, unless it is empty and has no file."""
    if retained == entries.NONE and not path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    files.write_atomic(path, retained.to_bytes())


def lost(gone: Iterable[tuple[str, int]]) -> LostError:
    """Return the error for snapshots that this host accepted and that are not here, by SHA-256 (or "") and number."""
    sha256, number = max(gone, key=lambda one: one[1])
    if not sha256:
        return LostError(
            _("This host has accepted advisories with sequence number {number}, which are not here.").format(
                number=number
            ),
            advice=_(
                "Transfer the signed file with this number, then run `advisories update FILE`. If there is no such "
                "file, request a signed reason that names another snapshot's SHA-256."
            ),
        )
    return LostError(
        _("This host has accepted advisories with sequence number {number}, which are not here: {digest}.").format(
            number=number, digest=sha256
        ),
        advice=_(
            "Transfer the signed file with this SHA-256, then run `advisories update FILE`. If there is no such "
            "file, request a signed reason that names another snapshot's SHA-256."
        ),
    )


def _lost_list(path: Path) -> LostError:
    return LostError(
        _("{path}, the list of advisories of earlier snapshots, is missing or damaged.").format(path=path),
        advice=_(
            "Restore this file from a copy, whose SHA-256 is in its name. If there is no copy, request a signed reason "
            "that names the snapshot's SHA-256, then run `advisories update FILE`."
        ),
    )


def _unreadable(path: Path, error: OSError | TrustError) -> TrustError:
    reason = error.what if isinstance(error, TrustError) else troubles.reason(error, troubles.READING, path=path)
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason.rstrip(".")),
        advice=_(
            "Restore this file from a copy. If there is no copy, request a signed reason that names the "
            "snapshot's SHA-256, then run `advisories update FILE`."
        ),
    )
