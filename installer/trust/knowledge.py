"""What a trust folder stores beside its memory about a product: files that the memory names by their SHA-256.

``TRUST/advisories/PRODUCT/SHA256.zip``, ``.json`` and ``SHA256.KEYID.sig``. A file is written before the memory names
it, and removed once the memory names another one, so that no crash loses what was known.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.digest import sha256_bytes
from bundle.signing.small_files import is_there, names_in
from installer.trust import memory, ownership
from installer.trust.authority import stored_by_host, stored_by_user
from shared import reading
from shared.errors import BusyError
from shared.files import files
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from installer.trust.stores import TrustStores

FOLDER = "advisories"
DIGITS = 64  # of a SHA-256, with which each name begins


@dataclass(frozen=True)
class Kind:
    """A kind of file: the last part of its name in the memory, the suffix of its file, and its size limit in bytes."""

    name: str
    suffix: str
    limit: int

    def key(self, product: str) -> str:
        """Return the name under which digests of a product's files are recorded; no product's name has a slash."""
        return f"{product}/{FOLDER}/{self.name}"


@dataclass(frozen=True)
class Shelf:
    """The files of a product in one trust folder, and the memory of that folder."""

    folder: Path
    memory: memory.Memory
    names: tuple[str, ...]

    def recorded(self, kind: Kind, product: str) -> dict[str, int]:
        """Return the recorded digests of a kind, each with its number."""
        return memory.digests(self.memory, kind.key(product))

    def read(self, kind: Kind) -> dict[str, bytes]:
        """Return the intact files of a kind by digest, whether or not they are recorded."""
        found = {}
        for name in self.names:
            sha256, suffix = name[:DIGITS], name[DIGITS:]
            if suffix == kind.suffix:
                data = self._bytes(name, kind.limit)
                if data is not None and sha256_bytes(data) == sha256:
                    found[sha256] = data
        return found

    def signatures(self, sha256: str, limit: int) -> dict[str, bytes]:
        """Return the signatures of a file by their names."""
        names = [name for name in self.names if name.startswith(f"{sha256}.") and name.endswith(".sig")]
        found = {name: self._bytes(name, limit) for name in names}
        return {name: b"" if data is None else data for name, data in found.items()}

    def _bytes(self, name: str, limit: int) -> bytes | None:
        try:
            return reading.read(self.folder / name, limit)
        except OSError:
            return None


def shelves(product: str, trust_stores: TrustStores) -> list[Shelf]:
    """Return the shelves of a product: the host's and this user's, where they exist or are recorded.

    Raises TrustError if users without the right to do so could have changed one.
    """
    places = [(trust_stores.host, stored_by_host(trust_stores).memory)]
    if not trust_stores.privileged:
        places.append((trust_stores.user, stored_by_user(trust_stores).memory))
    found = []
    for trust, known in places:
        folder = trust / FOLDER / product
        names = _names(folder, private_to=trust_stores if trust == trust_stores.host else None)
        found.append(Shelf(folder, known, names))
    return found


def _names(folder: Path, private_to: TrustStores | None) -> tuple[str, ...]:
    if not is_there(folder):
        return ()
    names = tuple(names_in(folder))
    if private_to is not None:
        for path in (folder, *(folder / name for name in names)):
            ownership.require_private(path, private_to)
    return names


@dataclass(frozen=True)
class File:
    """A file to be stored: its bytes, its number in the memory, and its signatures by key."""

    kind: Kind
    data: bytes
    number: int
    signatures: Mapping[str, bytes]

    @property
    def sha256(self) -> str:
        return sha256_bytes(self.data)


def store(product: str, trust_stores: TrustStores, new: Sequence[File], unchanged: Callable[[Shelf], bool]) -> None:
    """Store files in the trust folder of this run and record them; files that are no longer recorded are removed.

    Raises BusyError if the shelf is not ``unchanged`` since the caller read it, OSError, HostError or TrustError if the
    files cannot be stored; the earlier ones are then still recorded and stored.
    """
    own = trust_stores.make_own()
    folder = own / FOLDER / product
    with memory.held(own):
        before = memory.read_folder(own).memory
        if not unchanged(Shelf(folder, before, ())):
            raise BusyError(
                _("Another run has just changed what {path} contains.").format(path=folder),
                advice=_("Run the command again."),
            )
        for missing in (folder.parent, folder):
            if not missing.is_dir():
                missing.mkdir(mode=0o755 if trust_stores.privileged else 0o700)
                if trust_stores.privileged and sys.platform != "win32":  # there it inherits the trust folder's rights
                    missing.chmod(0o755)  # regardless of the umask: every user's run reads it
        for file in new:
            for key, armoured in file.signatures.items():
                files.write_atomic(folder / f"{file.sha256}.{key}.sig", armoured)
            files.write_atomic(folder / f"{file.sha256}{file.kind.suffix}", file.data)
        counters = {f"{file.kind.key(product)}/{file.sha256}": file.number for file in new}
        after = memory.raise_to(own, counters=counters)
        _tidy(folder, {name[-DIGITS:] for name in after.products if name.startswith(f"{product}/{FOLDER}/")})


def _tidy(folder: Path, recorded: set[str]) -> None:
    for name in os.listdir(folder):
        if name[:DIGITS] not in recorded:
            files.remove_tree(folder / name)
