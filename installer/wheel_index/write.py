"""Write the wheels of a bundle as a package index: every file is verified as it is written."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from secrets import token_hex
from typing import TYPE_CHECKING

from bundle.digest import sha256_bytes
from bundle.reading.medium import drain
from bundle.wheels import structure
from installer.wheel_index import pages
from shared import reading, troubles
from shared.errors import HostError, UsageError
from shared.files import files
from shared.i18n import _
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry, Package
    from bundle.opening import Bundle
    from shared.terminal.progress import Progress

SIMPLE = "simple"


@dataclass(frozen=True)
class Index:
    """What was written: the folder, that of its pages, and the number of wheels and their bytes."""

    folder: Path
    simple: Path
    wheels: int
    bytes: int


def write(bundle: Bundle, folder: Path, progress: Progress) -> Index:
    """Write a new folder with the wheels of a bundle and the pages that list them.

    Every byte of the bundle is verified; the folder appears under its name only after that. Raises UsageError if it
    exists or the bundle is a delta without all of its wheels, TrustError if a file differs from what was signed, and
    HostError if this host cannot write it.
    """
    folder = folder.absolute()
    _require_possible(bundle, folder)
    beside = folder.with_name(f".{folder.name}.{token_hex(8)}.partial")
    try:
        with troubles.at(beside):
            (beside / pages.FILES).mkdir(parents=True)
        _write_wheels(bundle, beside / pages.FILES, progress)
        wheels = [_described(bundle, beside / pages.FILES, package) for package in bundle.manifest.packages]
        _write_pages(beside / SIMPLE, wheels)
        with troubles.at(folder):
            files.sync_filesystem(beside)
            os.rename(beside, folder)
    except BaseException:
        files.remove_tree(beside)
        raise
    return Index(folder, folder / SIMPLE, len(wheels), sum(wheel.size for wheel in wheels))


def foresee(bundle: Bundle, folder: Path) -> Index:
    """Return what ``write`` would write, by the manifest alone. Raises UsageError as it does."""
    folder = folder.absolute()
    _require_possible(bundle, folder)
    sizes = [entry.size for entry in bundle.manifest.of_kind("wheel")]
    return Index(folder, folder / SIMPLE, len(sizes), sum(sizes))


def _require_possible(bundle: Bundle, folder: Path) -> None:
    if os.path.lexists(folder):
        raise UsageError(
            _("{path} already exists and is not overwritten.").format(path=folder), advice=_("Specify another folder.")
        )
    wheels = tuple(bundle.manifest.of_kind("wheel"))
    if not bundle.left_out.isdisjoint(wheels):
        raise UsageError(_("This delta bundle does not contain all wheels."), advice=_("Use the full bundle."))
    needed, free = sum(entry.size for entry in wheels), files.free_bytes(folder.parent)
    if free is not None and free < needed:
        raise HostError(
            _("{path} has too little space for the index: {needed} needed, {free} free.").format(
                path=folder.parent, needed=human_bytes(needed), free=human_bytes(free)
            ),
            advice=_("Free up space there, or specify a folder on another disk."),
        )


def _write_wheels(bundle: Bundle, folder: Path, progress: Progress) -> None:
    """Read the whole bundle once, and write its wheels."""

    def keep(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        if entry.kind != "wheel":
            drain(blocks)
            return
        path = folder / _name(entry.path)
        with troubles.at(path), path.open("xb") as file:
            for block in blocks:
                file.write(block)

    with progress.task(bundle.name, bundle.bytes_brought) as task:
        bundle.visit(keep, task.advance)


def _described(bundle: Bundle, folder: Path, package: Package) -> pages.Wheel:
    """Return the index entry for a package's wheel, and write its METADATA beside it (PEP 658)."""
    entry = bundle.manifest.entry(package.wheel)
    assert entry is not None  # a manifest lists the wheel of each package
    path = folder / _name(package.wheel)
    structure.inspect(path, package)
    with reading.opened(path) as file, zipfile.ZipFile(file) as wheel:
        (member,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1]
        metadata = wheel.read(member)
    with troubles.at(path):
        path.with_name(f"{path.name}.metadata").write_bytes(metadata)
    wanted = str(HeaderParser().parsestr(metadata.decode("utf-8", "replace")).get("Requires-Python", "")).strip()
    digests = (entry.sha256, sha256_bytes(metadata))
    return pages.Wheel(package.name, package.version, path.name, entry.size, *digests, wanted)


def _write_pages(folder: Path, wheels: list[pages.Wheel]) -> None:
    found = {wheel.package: pages.project_pages(wheel.package, [wheel]) for wheel in wheels}
    for inner, written in [("", pages.root_pages(found)), *found.items()]:
        (folder / inner).mkdir(parents=True, exist_ok=True)
        for name, data in written.items():
            path = folder / inner / name
            with troubles.at(path):
                path.write_bytes(data)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
