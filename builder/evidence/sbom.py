"""The bill of materials of a bundle in CycloneDX 1.6, created with CycloneDX's own library.

The same inputs give the same bytes: the serial number is derived from the contents of the bundle, the time
is that of the bundle, and no index URL is included, only names that are the same on every mirror.
"""

from __future__ import annotations

import json
import re
import uuid
import zipfile
from datetime import datetime, timezone
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name, parse_wheel_filename

from builder.evidence.licenses import spdx
from builder.evidence.native import Native, native_of
from builder.fetch.credentials import redact
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from shared import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from cyclonedx.model.license import License

    from builder.evidence.licenses import Licensed
    from builder.lock.lock import Lock
    from builder.lock.locked import LockedWheel
    from builder.members import Member
    from builder.models.models import CollectedModel
    from builder.request.inputs import Inputs, Wheel
    from bundle.manifest import FileEntry

NAMESPACE = uuid.UUID("9d0f7c5e-52a4-5d0b-8f0e-0c6a1d6f4b11")  # of this tool's UUIDs (RFC 9562, 5.5)
TOOL = "ragtrace-builder"
METADATA_LIMIT = 4 << 20  # bytes
_EMBEDDED = re.compile(r"site-packages/[^/]+\.dist-info/METADATA")


def write_sbom(inputs: Inputs, contents: Sequence[Member], zipapp: Path, licensed: Mapping[str, Licensed]) -> bytes:
    """Return the document; the keys of ``licensed`` are ``package:NAME`` and ``model:NAME``."""
    product, created = inputs.common.product, datetime.fromtimestamp(inputs.common.epoch, timezone.utc)
    entries = [item.entry for item in contents]
    root = Component(
        name=product.name,
        version=product.version,
        type=ComponentType.APPLICATION,
        bom_ref=f"application:{product.name}",
    )
    components = [
        *(_package(wheel, inputs.common.lock, licensed) for wheel in inputs.wheels),
        *(_model(model, licensed) for _source, model in inputs.common.models),
        *(_tool_wheel(item) for item in contents if _is_tool(item.entry)),
        *_interpreter([entry for entry in entries if entry.kind == "interpreter"], inputs.target.python),
        *(_installer(entry, zipapp) for entry in entries if entry.path == INSTALLER_MEMBER),
    ]
    held = "\n".join(f"{entry.sha256} {entry.path}" for entry in sorted(entries, key=lambda entry: entry.path))
    bom = Bom(components=components, serial_number=uuid.uuid5(NAMESPACE, f"{created.isoformat()}\n{held}"))
    bom.metadata.timestamp = created
    bom.metadata.component = root
    builder = Component(name=TOOL, version=__version__, type=ComponentType.APPLICATION, bom_ref=TOOL)
    bom.metadata.tools = ToolRepository(components=[builder])
    bom.metadata.properties.add(
        Property(name="ragtrace:target", value=f"{inputs.target} Python {inputs.target.python}")
    )
    bom.register_dependency(root, components)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def package_url(wheel: LockedWheel, lock: Lock) -> PackageURL:
    """Return the purl of a package: ``pypi`` if it comes from an index, else ``generic`` with its VCS URL, if any."""
    for package in lock.pylock.packages:
        if package.name != wheel.name or (package.version and str(package.version) != wheel.version):
            continue
        if package.vcs is not None:
            origin = f"git+{redact(package.vcs.url)}@{package.vcs.commit_id}" if package.vcs.url else None
            return PackageURL("generic", None, wheel.name, wheel.version, {"vcs_url": origin} if origin else None)
        if package.directory is not None or package.archive is not None:
            return PackageURL("generic", None, wheel.name, wheel.version)
    return PackageURL("pypi", None, wheel.name, wheel.version)


def model_url(model: CollectedModel) -> PackageURL | None:
    """Return the purl of a model from a hub, or None if it came from a folder."""
    if model.repository.startswith("path:"):
        return None
    owner, _slash, name = model.repository.removeprefix("hf:").rpartition("/")
    return PackageURL("huggingface", owner or None, name, model.revision)


def _package(given: Wheel, lock: Lock, licensed: Mapping[str, Licensed]) -> Component:
    wheel, reference = given.locked, f"package:{given.locked.name}@{given.locked.version}"
    native = _native(given.path)
    return Component(
        name=wheel.name,
        version=wheel.version,
        bom_ref=reference,
        purl=package_url(wheel, lock),
        hashes=_sha256(wheel.sha256),
        licenses=list(_license(licensed[f"package:{wheel.name}"].licence)),
        components=list(_inside(native, reference)),
        properties=[Property(name="ragtrace:wheel", value=wheel.filename), *_unjudged(native)],
    )


def _native(path: Path) -> Native:
    """Return what a wheel declares of the software inside it (PEP 770)."""
    return next(iter(native_of(path).values()), Native())


def _inside(native: Native, owner: str) -> Iterator[Component]:
    """Yield the components that a wheel declares; they are named by their place in it, because many share a name."""
    for number, one in enumerate(native.components):
        yield Component(
            name=one.name,
            version=one.version or None,
            bom_ref=f"{owner}/inside/{number}",
            purl=PackageURL.from_string(one.purl) if one.purl else None,
        )


def _unjudged(native: Native) -> Iterator[Property]:
    """Yield what a wheel contains and no advisory is compared with."""
    if native.components:
        value = f"{len(native.components)} components inside: advisories are for packages of PyPI alone"
        yield Property(name="ragtrace:not-judged", value=value)
    for reason in native.unread:
        yield Property(name="ragtrace:not-judged", value=reason)


def _is_tool(entry: FileEntry) -> bool:
    return entry.kind == "verification" and entry.path.endswith(".whl")


def _tool_wheel(item: Member) -> Component:
    """Return the component of a scanner's wheel; scanners have a separate environment on the host."""
    entry = item.entry
    native = Native() if isinstance(item.content, bytes) else _native(item.content)
    filename = entry.path.rpartition("/")[2]
    name, version, _build, _tags = parse_wheel_filename(filename)
    return Component(
        name=name,
        version=str(version),
        bom_ref=f"tool:{name}@{version}",
        purl=PackageURL("pypi", None, name, str(version)),
        hashes=_sha256(entry.sha256),
        components=list(_inside(native, f"tool:{name}@{version}")),
        properties=[Property(name="ragtrace:wheel", value=filename), *_unjudged(native)],
    )


def _model(model: CollectedModel, licensed: Mapping[str, Licensed]) -> Component:
    reference = f"model:{model.name}"
    return Component(
        name=model.name,
        version=model.revision,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=reference,
        purl=model_url(model),
        licenses=list(_license(licensed[reference].licence)),
        components=[_file(reference, file.path, file.sha256) for file in model.files],
        properties=[Property(name="ragtrace:repository", value=model.repository)],
    )


def _interpreter(files: Sequence[FileEntry], version: str) -> Iterator[Component]:
    """Yield a component for the interpreter that the bundle contains, if any, with its files."""
    if files:
        yield Component(
            name="cpython",
            version=version,
            type=ComponentType.PLATFORM,
            bom_ref="interpreter",
            components=[_file("interpreter", entry.inner, entry.sha256) for entry in files],
        )


def _file(owner: str, path: str, sha256: str) -> Component:
    return Component(name=path, type=ComponentType.FILE, bom_ref=f"{owner}/{path}", hashes=_sha256(sha256))


def _installer(entry: FileEntry, zipapp: Path) -> Component:
    return Component(
        name=INSTALLER,
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref="installer",
        hashes=_sha256(entry.sha256),
        components=list(_embedded(zipapp)),
    )


def _embedded(zipapp: Path) -> Iterator[Component]:
    """Yield the packages that the installer embeds, without digests: only their unpacked files are in it."""
    declared = native_of(zipapp)
    with zipfile.ZipFile(zipapp) as archive:
        for path in sorted(filter(_EMBEDDED.fullmatch, archive.namelist())):
            with archive.open(path) as file:
                metadata = HeaderParser().parsestr(file.read(METADATA_LIMIT).decode("utf-8", "replace"))
            name, version = canonicalize_name(str(metadata["Name"])), str(metadata["Version"])
            native = declared.get(path.split("/")[1].removesuffix(".dist-info"), Native())
            yield Component(
                name=name,
                version=version,
                bom_ref=f"installer/{name}@{version}",
                components=list(_inside(native, f"installer/{name}@{version}")),
                properties=list(_unjudged(native)),
                purl=PackageURL("pypi", None, name, version),
                licenses=list(_license(metadata["License-Expression"] or None)),
            )


def _license(licence: str | None) -> Iterator[License]:
    expression = spdx(licence)
    if expression:
        yield LicenseExpression(expression)
    elif licence:
        yield DisjunctiveLicense(name=licence)


def _sha256(digest: str) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
