"""What wheels declare of the software inside them (PEP 770): CycloneDX documents in ``.dist-info/sboms``.

A document is read strictly and within bounds, or not at all: then the reason is recorded, and nothing of it.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

from bundle import strict
from shared.errors import TrustError
from shared.files.zips import BROKEN
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILES_LIMIT = 50  # documents in one wheel
FILE_LIMIT = 16 << 20  # bytes; uv's, of 566 crates, has 0.8 MB
COMPONENTS_LIMIT = 10_000  # in one document; the longest known has 566
NAME_LIMIT = 300  # characters
_DOCUMENT = re.compile(r"(?:site-packages/)?(?P<owner>[^/]+)\.dist-info/sboms/(?P<name>.+)")


@dataclass(frozen=True, order=True)
class Declared:
    """A component that a wheel declares: its name, its version or "", and its package URL or "", without qualifiers."""

    name: str
    version: str
    purl: str


@dataclass(frozen=True)
class Native:
    """What a wheel declares, and the documents that were not read, each with the reason."""

    components: tuple[Declared, ...] = ()
    unread: tuple[str, ...] = ()


def native_of(path: Path) -> dict[str, Native]:
    """Return what an archive of unpacked wheels declares, by the name and version of each wheel's metadata folder.

    A wheel has one such folder, an installer one for each package.
    """
    found: dict[str, tuple[set[Declared], list[str]]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            documents = [(info, _DOCUMENT.fullmatch(info.filename)) for info in archive.infolist() if not info.is_dir()]
            for info, matched in sorted(documents, key=lambda one: one[0].filename):
                if matched is None:
                    continue
                components, unread = found.setdefault(matched["owner"], (set(), []))
                try:
                    components.update(_read(archive, info, len(unread)))
                except TrustError as error:
                    unread.append(error.what.rstrip("."))
                except BROKEN as error:
                    unread.append(f"{matched['name']}: {error}"[:NAME_LIMIT])
    except BROKEN:
        return {}  # whoever unpacks it names what is wrong
    return {owner: Native(tuple(sorted(components)), tuple(unread)) for owner, (components, unread) in found.items()}


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, before: int) -> list[Declared]:
    """Return the components of one document. Raises TrustError if it is not one that can be read."""
    name = info.filename.rpartition("/sboms/")[2]
    if before >= FILES_LIMIT:
        raise strict.refuse(name, _("more than {limit} documents").format(limit=FILES_LIMIT))
    if info.file_size > FILE_LIMIT:
        raise strict.refuse(name, _("larger than {limit} bytes").format(limit=FILE_LIMIT))
    with archive.open(info) as file:
        value = strict.loads(file.read(FILE_LIMIT + 1), name, limit=FILE_LIMIT)
    if not isinstance(value, dict) or value.get("bomFormat") != "CycloneDX":
        raise strict.refuse(name, _("not CycloneDX JSON"))
    return list(_components(value, name))


def _components(document: dict[str, Any], name: str) -> Iterator[Declared]:
    """Yield the components of a document, those inside of others too, without recursion."""
    count, waiting = 0, [(document.get("components", []), f"{name}.components")]
    while waiting:
        value, path = waiting.pop()
        if not isinstance(value, list):
            raise strict.refuse(path, _("not a list"))
        for number, component in enumerate(value):
            count, place = count + 1, f"{path}[{number}]"
            if count > COMPONENTS_LIMIT:
                raise strict.refuse(name, _("more than {limit} components").format(limit=COMPONENTS_LIMIT))
            if not isinstance(component, dict):
                raise strict.refuse(place, _("not an object"))
            yield _declared(component, place)
            if "components" in component:
                waiting.append((component["components"], f"{place}.components"))


def _declared(component: dict[str, Any], place: str) -> Declared:
    name = strict.text(component.get("name"), f"{place}.name", limit=NAME_LIMIT)
    version = strict.text(component.get("version", ""), f"{place}.version", limit=NAME_LIMIT, empty=True)
    purl = component.get("purl")
    if purl is None:
        return Declared(name, version, "")
    try:
        whole = PackageURL.from_string(strict.text(purl, f"{place}.purl"))
    except ValueError as error:
        raise strict.refuse(f"{place}.purl", _("not a package URL")) from error
    # qualifiers hold paths and mirrors of whoever built it
    return Declared(name, version, PackageURL(whole.type, whole.namespace, whole.name, whole.version).to_string())


def unjudged_lines(declared: Sequence[tuple[str, Native]]) -> Iterator[str]:
    """Yield what is known of libraries inside wheels (name of the wheel, what it declares) but cannot be judged."""
    libraries = [(wheel, one) for wheel, native in declared for one in native.components]
    if libraries:
        shown = sorted({f"{one.name} {one.version}".rstrip() for _wheel, one in libraries if _is_library(one)})
        yield plural(
            "Not judged: {count} component inside wheels ({names}); the snapshot has advisories for packages of PyPI "
            "alone. The SBOM lists it.",
            "Not judged: {count} components inside wheels ({names}); the snapshot has advisories for packages of PyPI "
            "alone. The SBOM lists them.",
            len(libraries),
        ).format(count=len(libraries), names=", ".join(shown[:5]) or libraries[0][1].name)
    for wheel, native in declared:
        for reason in native.unread:
            yield _("Not judged: the list of the software inside {wheel}: {reason}.").format(wheel=wheel, reason=reason)


def _is_library(one: Declared) -> bool:
    """Return whether a component is no crate, of which one wheel has hundreds."""
    return not one.purl.startswith("pkg:cargo/")
