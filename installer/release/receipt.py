"""The receipt of a release: its origin, and the digest of every file in it, including bytecode.

It is written when a release is sealed, and every later check compares the tree with it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bundle import digest, strict
from bundle.manifest import INSTALLED_LIMIT
from bundle.strict import Fields
from bundle.wheels import record
from installer.layout import seal
from installer.layout.release import COMPLETE, DISCARDED
from installer.logs.identity import Identity
from installer.logs.usage import Usage, read_usage
from shared import reading, windows
from shared.errors import InstallError, TrustError
from shared.files import files, trees
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from installer.layout.release import Release

FORMAT = 1
LIMIT = 256 << 20  # bytes
ITEMS_LIMIT = 2 * INSTALLED_LIMIT  # each file may have bytecode too
MISSING, ALTERED, ADDED = "missing", "altered", "added"
# owners of files that belong to no distribution
APP, MODELS, VENV, RELEASE = "(application)", "(models)", "(environment)", "(release)"
NOT_LISTED = ("receipt.json", COMPLETE, DISCARDED)


class Item(NamedTuple):
    """A file of a release: its relative POSIX path, its SHA-256 or, for a link, ``-> target``, and its owner."""

    path: str
    content: str
    owner: str


@dataclass(frozen=True)
class Receipt:
    """The origin of a release, its files, where it was installed, and the resources that installing it used.

    ``locked`` is False if its set of packages is not the signed one.
    """

    release: str
    product: str
    version: str
    counter: int
    manifest_sha256: str
    signers: tuple[str, ...]
    installed: str
    interpreter: str
    interpreter_version: str
    interpreter_sha256: str
    installer_version: str
    locked: bool
    items: tuple[Item, ...]
    usage: Usage | None = None
    identity: Identity | None = None

    def to_bytes(self) -> bytes:
        value: dict[str, Any] = dict(vars(self))
        value["signers"] = list(self.signers)
        value["usage"] = self.usage.to_json() if self.usage else None
        value["identity"] = self.identity.to_json() if self.identity else None
        value["items"] = [[item.path, item.content, item.owner] for item in self.items]
        return strict.dumps({"format": FORMAT, **value})


@dataclass(frozen=True)
class Deviation:
    """A file of a release that differs from its receipt, and how."""

    path: str
    kind: str
    owner: str


def _item(value: Any, path: str) -> Item:
    if not isinstance(value, list) or len(value) != 3:
        raise strict.refuse(path, _("not [path, content, owner]"))
    try:
        joined = "".join(value)
    except TypeError:
        joined = "\n"
    # there are tens of thousands: if all parts together are one line of text, so is each that is not empty
    if not (all(value) and joined.isprintable() and len(joined) <= strict.TEXT_LIMIT):
        for part in value:
            strict.text(part, path)
    return Item(*value)


def read_receipt(release: Release, sealed: str | None = None) -> Receipt:
    """Return a release's receipt, whose SHA-256 must be ``sealed``, by default the one in the mark.

    Whether the audit log confirms it, and the files match it, is for sealing/intact.py. Raises TrustError if the
    receipt or the mark is damaged, OSError if one of them is missing.
    """
    path = release.receipt_file
    data = reading.read(path, LIMIT)
    if digest.sha256_bytes(data) != (sealed or seal.receipt_sha256(release)):
        raise TrustError(
            _("{path} does not match the checksum that was recorded at installation.").format(path=path),
            advice=_("Run recover to rebuild the release from the signed files."),
        )
    return parse(data, path.name)


def parse(data: bytes, name: str) -> Receipt:
    """Return a receipt from its JSON. Raises TrustError, with the path of the invalid field, if it is malformed."""
    fields = Fields(strict.loads(data, name, limit=LIMIT), name)
    fields.integer("format", least=FORMAT, most=FORMAT)
    locked = fields.left.pop("locked", None)
    if not isinstance(locked, bool):
        raise strict.refuse(f"{name}.locked", "not true or false")
    for added in ("usage", "identity"):  # missing in receipts of the first installers
        fields.left.setdefault(added, None)
    receipt = Receipt(
        release=fields.text("release"),
        product=fields.text("product"),
        version=fields.text("version"),
        counter=fields.integer("counter"),
        manifest_sha256=fields.nested("manifest_sha256", strict.sha256),
        signers=fields.nested("signers", strict.texts),
        installed=fields.text("installed"),
        interpreter=fields.text("interpreter"),
        interpreter_version=fields.text("interpreter_version"),
        interpreter_sha256=fields.nested("interpreter_sha256", strict.sha256),
        installer_version=fields.text("installer_version"),
        locked=locked,
        items=fields.items("items", _item, most=ITEMS_LIMIT),
        usage=fields.optional("usage", read_usage),
        identity=fields.optional("identity", Identity.from_json),
    )
    fields.done()
    return receipt


def write_receipt(release: Release, receipt: Receipt) -> None:
    """Write the receipt of a release that is about to be sealed.

    Raises InstallError if it could not be read again: a program that the installation ran may have created files with
    any name.
    """
    data = receipt.to_bytes()
    try:
        parse(data, release.receipt_file.name)
    except TrustError as error:
        raise InstallError(error.what, advice=_("Request a bundle without that file.")) from error
    files.write_atomic(release.receipt_file, data)


def take_inventory(
    release: Release, site: Path, hash_of: record.Hash = record.sha256_of, winners: Mapping[str, str] | None = None
) -> tuple[Item, ...]:
    """Return every file of a release with its digest and its owner, sorted by path.

    ``winners`` maps the files that several packages install to the one whose file is installed.
    """
    owners = {line.path: line.owner for line in record.recorded(site, winners)}

    top = str(release.path)

    def owner(relative: str) -> str:
        path = f"{top}{os.sep}{relative.replace('/', os.sep)}"
        return owners.get(path) or owners.get(record.module_of(path) or "") or area(relative)

    return tuple(Item(path, content, owner(path)) for path, content in contents(release.path, hash_of))


def with_expected(items: tuple[Item, ...], contents: Mapping[str, str]) -> tuple[Item, ...]:
    """Return an inventory in which some paths have their expected content instead of what is on disk."""
    found = {item.path: item for item in items}
    for path, content in contents.items():
        known = found.get(path)
        found[path] = Item(path, content, known.owner if known else area(path))
    return tuple(found[path] for path in sorted(found))


def area(relative: str) -> str:
    """Return the owner to record for a file that belongs to no distribution."""
    return {"app": APP, "models": MODELS, "venv": VENV}.get(relative.partition("/")[0], RELEASE)


def compare(release: Release, receipt: Receipt, hash_of: record.Hash = record.sha256_of) -> list[Deviation]:
    """Return every file of a release that is missing, altered or added since it was sealed."""
    return against(dict(contents(release.path, hash_of)), receipt)


def against(found: Mapping[str, str], receipt: Receipt) -> list[Deviation]:
    """Return how ``found``, a result of ``contents``, deviates from a receipt, sorted by path."""
    expected = {item.path: item for item in receipt.items}
    deviations = []
    for path, item in expected.items():
        if path not in found:
            deviations.append(Deviation(path, MISSING, item.owner))
        elif found[path] != item.content:
            deviations.append(Deviation(path, ALTERED, item.owner))
    deviations += [Deviation(path, ADDED, area(path)) for path in found if path not in expected]
    return sorted(deviations, key=lambda deviation: deviation.path)


def stamps(release: Release) -> dict[str, tuple[int, int, int]]:
    """Return inode, size and modification time (ns) by path of every entry that a comparison inspects."""
    found = {}
    for relative, (path, _is_link) in walk(str(release.path)):
        status = os.lstat(path)
        found[relative] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def contents(root: Path, hash_of: record.Hash = record.sha256_of) -> list[tuple[str, str]]:
    """Return (path, SHA-256 or ``-> target``) of every entry below a folder except receipt and marks, sorted.

    The content of a file that cannot be read starts with ``?``.
    """
    paths = dict(walk(str(root)))
    found = {relative: f"-> {os.readlink(path)}" for relative, (path, is_link) in paths.items() if is_link}
    rest = [relative for relative in paths if relative not in found]
    digests = record.digests_of([paths[relative][0] for relative in rest], hash_of, lambda error: f"? {error.strerror}")
    found.update((relative, content or "?") for relative, content in zip(rest, digests))
    return sorted(found.items())


def walk(folder: str) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Yield every entry below a folder except receipt and marks, as (relative path, (path, whether it is a link)).

    Paths are strings, because there are tens of thousands: creating a Path for each takes longer than hashing a small
    file. The contents of a folder that cannot be read are left out.
    """
    for entry in trees.entries(folder):
        relative = entry.path[len(folder) + 1 :].replace(os.sep, "/")
        if relative not in NOT_LISTED:
            is_link = entry.is_symlink() or (sys.platform == "win32" and windows.is_junction(entry.path))
            yield relative, (entry.path, is_link)
