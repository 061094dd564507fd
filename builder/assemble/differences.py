"""The differences between two bundles: the member, the file inside it, and the first position that differs."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.assemble.volumes import sha256_of
from bundle import digest
from bundle.manifest import NAME, Manifest, parse_manifest
from bundle.names import INSTALLER
from bundle.opening import SUMS, volume_names
from bundle.reading import archive, delta
from bundle.reading.delta import BASE
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER_LIMIT = 64 << 20  # bytes; larger members of a zip are not compared byte by byte
LINE_LIMIT = 1 << 20  # bytes; binary files may have no lines at all
SHOWN = 60  # characters of a line


@dataclass(frozen=True)
class Difference:
    """One difference: a manifest field or a member, and how the second bundle differs from the first."""

    place: str
    reason: str


@dataclass(frozen=True)
class _Side:
    """One of the two bundles: its folder, and its manifest as parsed and as bytes."""

    folder: Path
    manifest: Manifest
    data: bytes


def compare(first: Path, second: Path, scratch: Path) -> list[Difference]:
    """Return all differences between two bundle folders, an empty list if they are byte-identical.

    ``scratch`` is an empty folder; signatures and trust slips are ignored. Raises TrustError if a bundle does
    not match its own manifest.
    """
    one, other = _read(first), _read(second)
    found = list(_fields(one.manifest.to_json(), other.manifest.to_json(), ""))
    found += _members(one, other, scratch)
    for name in (INSTALLER, one.manifest.archive):
        if not found and sha256_of(_parts(first, name)) != sha256_of(_parts(second, name)):
            reason = _("same files, different compression: another version of zlib or of this builder")
            found.append(Difference(name, reason))
    return found


def _read(folder: Path) -> _Side:
    data = (folder / NAME).read_bytes()
    return _Side(folder, parse_manifest(data), data)


def _parts(folder: Path, name: str) -> list[Path]:
    """Return the paths of a file in a bundle folder: one, or those of its volumes if it is a split archive."""
    sums = digest.read_sums((folder / SUMS).read_bytes(), SUMS)
    return [folder / part for part in ([name] if name in sums else volume_names(sums, name))]


def _fields(first: Any, second: Any, place: str) -> Iterator[Difference]:
    """Yield the manifest fields that differ, except files and totals: the files are compared one by one."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first.keys() | second.keys()):
            if place or key not in ("files", "totals"):
                yield from _fields(first.get(key), second.get(key), f"{place}.{key}" if place else key)
    elif first != second:
        yield Difference(f"{NAME}: {place}", _was(first, second))


def _was(first: Any, second: Any) -> str:
    return _("was {first}, is {second}").format(first=_short(first), second=_short(second))


def _short(value: Any) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def _members(first: _Side, second: _Side, scratch: Path) -> Iterator[Difference]:
    sides = (first, second)
    entries = [{entry.path: entry for entry in side.manifest.files} for side in sides]
    both = entries[0].keys() & entries[1].keys()
    changed = {path for path in both if entries[0][path] != entries[1][path]}
    for index, side in enumerate(sides):
        if changed:
            _take_out(side, changed, scratch / str(index))
    for path in sorted(entries[0].keys() | entries[1].keys()):
        if path not in entries[1]:
            yield Difference(path, _("missing from the second bundle"))
        elif path not in entries[0]:
            yield Difference(path, _("missing from the first bundle"))
        elif path in changed:
            files = [scratch / str(index) / entries[index][path].sha256 for index in (0, 1)]
            is_there = all(file.is_file() for file in files)  # a delta bundle may omit one
            yield Difference(path, explain(*files) if is_there else _("different contents"))


def _take_out(side: _Side, wanted: set[str], scratch: Path) -> None:
    """Write the wanted members of an archive to files named by their digests."""
    folder, manifest = side.folder, side.manifest
    scratch.mkdir()
    volumes = [(path, digest.sha256_file(path)[0]) for path in _parts(folder, manifest.archive)]
    base = folder / BASE
    left_out = delta.left_out(manifest, parse_manifest(base.read_bytes(), BASE) if base.is_file() else None)
    for entry, blocks in archive.read_archive(volumes, manifest, side.data, left_out):
        if entry.path in wanted:
            with (scratch / entry.sha256).open("wb") as file:
                file.writelines(blocks)


def explain(first: Path, second: Path) -> str:
    """Describe how two files differ: by member for zip files, by line for text, otherwise by byte."""
    if zipfile.is_zipfile(first) and zipfile.is_zipfile(second):
        return _explain_zips(first, second)
    with first.open("rb") as one, second.open("rb") as other:
        line, offset = 1, 0
        for left in iter(lambda: one.readline(LINE_LIMIT), b""):
            right = other.readline(LINE_LIMIT)
            if left != right:
                return _explain_line(left, right, line, offset)
            line, offset = line + 1, offset + len(left)
        return _explain_line(b"", other.readline(LINE_LIMIT), line, offset)


def _explain_line(left: bytes, right: bytes, line: int, offset: int) -> str:
    try:
        left.decode(), right.decode()
    except UnicodeDecodeError:
        same = next(
            (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(map(len, (left, right)))
        )
        return _("differs at byte {offset}").format(offset=offset + same)
    return _("line {line}: {what}").format(line=line, what=_was(left, right))


def _explain_zips(first: Path, second: Path) -> str:
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
        names = [archive.namelist() for archive in (one, other)]
        for name in sorted(set(names[0]) ^ set(names[1])):
            side = _("first") if name in names[0] else _("second")
            return _("{member} is only in the {side} bundle").format(member=name, side=side)
        for name in names[0]:
            infos = one.getinfo(name), other.getinfo(name)
            if infos[0].CRC != infos[1].CRC or infos[0].file_size != infos[1].file_size:
                return _("{member}: {what}").format(member=name, what=_explain_contents(one, other, name))
            for field in ("date_time", "external_attr", "compress_type", "create_system"):
                values = [getattr(info, field) for info in infos]
                if values[0] != values[1]:
                    return _("{member}: {what}").format(member=name, what=f"{field}: {_was(*values)}")
    return _("same members, different order or compression")


def _explain_contents(one: zipfile.ZipFile, other: zipfile.ZipFile, name: str) -> str:
    if max(one.getinfo(name).file_size, other.getinfo(name).file_size) > MEMBER_LIMIT:
        return _("different contents")
    left, right = one.read(name).splitlines(keepends=True), other.read(name).splitlines(keepends=True)
    offset = 0
    for line, (a, b) in enumerate(zip([*left, b""], [*right, b""], strict=False), 1):
        if a != b:
            return _explain_line(a, b, line, offset)
        offset += len(a)
    return _("different contents")
