"""The user's folders inside an application that writes into its own tree.

The ``persist`` folders of the profile are stored in PREFIX/data, and a release links to them. While a new release is
tested, its links point to a scratch copy, so that the user's data is not changed before the release is activated.
Files that the source ships in these folders are added to the user's; where the user has another file of that name, the
shipped one is written beside it, with .new-N added to its name.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.layout import journal, service_account
from shared import reading
from shared.files import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bundle.manifest import FileEntry, Manifest
    from installer.layout.journal import Entry
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.layout.store import Store

FOLDER = "folder"  # used in the journal in place of a digest
WRITTEN = 0o644  # the mode of the files written here
NEW = ".new-"  # plus the release counter: the suffix of a shipped file beside another one of the user's
TEMPORARY = ".ragtrace-laid.tmp"  # in the target's folder, which may be on another filesystem than PREFIX/data


def shipped(manifest: Manifest) -> Iterator[FileEntry]:
    """Yield the source files that are in persistent folders."""
    for entry in manifest.of_kind("source"):
        if any(entry.inner.startswith(folder + "/") for folder in manifest.application.persist):
            yield entry


def link_to(release: Release, manifest: Manifest, target: Path) -> None:
    """Replace the release's persistent folders with links to the same folders below ``target``, which are created."""
    for folder in manifest.application.persist:
        place, data = release.app / folder, target / folder
        with service_account.acting_as_owner_of(target):
            data.mkdir(parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        files.remove_tree(place)
        lead(place, data)


def lead(place: Path, folder: Path) -> None:
    """Create a link at a path to a folder: a junction on Windows, else a relative symbolic link."""
    if sys.platform == "win32":  # pragma: no cover - junctions exist only there
        import _winapi

        _winapi.CreateJunction(str(folder), str(place))
    else:
        os.symlink(os.path.relpath(folder, place.parent), place)


def write_scratch(scratch: Path, manifest: Manifest, store: Store) -> None:
    """Copy the shipped files of the persistent folders into a scratch folder, for testing the release."""
    for entry in shipped(manifest):
        store.copy(entry, scratch / entry.inner)


def make_folders(prefix: Prefix, manifest: Manifest, run: Entry) -> Entry:
    """Create the persistent folders that PREFIX/data lacks; return the journal's entry, which is written first."""
    wanted = [prefix.data / folder for folder in manifest.application.persist]
    lacking = _lacking_folders(prefix.data, wanted)
    if not lacking:
        return run
    run = journal.note_written(prefix, run, dict.fromkeys(lacking, FOLDER))
    with service_account.acting_as_owner_of(prefix.data):
        for folder in wanted:
            folder.mkdir(parents=True, exist_ok=True)
    return run


def _lacking_folders(data: Path, wanted: Iterable[Path]) -> list[str]:
    """Return the folders that must be created, parents first, as paths relative to the data."""
    lacking: dict[str, None] = {}
    for folder in wanted:
        path, missing = folder, []
        while path != data and not path.is_dir():
            missing.append(path.relative_to(data).as_posix())
            path = path.parent
        lacking.update(dict.fromkeys(reversed(missing)))
    return list(lacking)


def write(prefix: Prefix, manifest: Manifest, store: Store, run: Entry) -> Entry:
    """Copy shipped files into the user's data; return the journal's entry.

    If the user has another file at a path, the shipped one is written next to it, each content once. All files are
    recorded in the journal before the first is written, except those in an incoming tree, which is removed as a whole
    if the run fails.
    """
    data = prefix.root / run.incoming if run.incoming else prefix.data
    written: dict[str, str] = {}
    for entry in shipped(manifest):
        target = data / entry.inner
        if os.path.lexists(target):
            if record.sha256_of(target) == entry.sha256:
                continue
            if entry.sha256 in _beside(target):
                continue
            target = target.with_name(f"{target.name}{NEW}{manifest.product.counter}")
            if os.path.lexists(target):
                continue
        written[target.relative_to(data).as_posix()] = entry.sha256
    if not written:
        return run
    folders = _lacking_folders(data, [(data / path).parent for path in written])
    if data == prefix.data:
        run = journal.note_written(prefix, run, {**dict.fromkeys(folders, FOLDER), **written})
    with service_account.acting_as_owner_of(data):
        for path, sha256 in written.items():
            target = data / path
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(TEMPORARY)
            _clear(beside)
            _copy(store.path(sha256), beside)
            files.replace(beside, target)
    files.sync_filesystem(data)
    return run


def _beside(target: Path) -> Iterator[str | None]:
    """Yield the digests of the files that earlier releases wrote next to a file of the user's."""
    start = f"{target.name}{NEW}"
    for name in os.listdir(target.parent):
        if name.startswith(start):
            yield record.sha256_of(target.with_name(name))


def _copy(source: Path, beside: Path) -> None:
    """Copy a stored file to a new path and sync it, with mode WRITTEN whatever the umask; links are not followed.

    It is synced before it is renamed: an incomplete file under its final name would be mistaken for the user's.
    """
    with reading.opened(source) as stored, beside.open("xb") as new:
        shutil.copyfileobj(stored, new)
        if sys.platform != "win32":
            os.fchmod(new.fileno(), WRITTEN)
        new.flush()
        os.fsync(new.fileno())


def _clear(beside: Path) -> None:
    """Remove the temporary file of a killed run; a folder of that name belongs to the user and is left."""
    if os.path.lexists(beside) and (files.is_link(beside) or not beside.is_dir()):
        files.unlink(beside)


def take_back(data: Path, run: Entry) -> None:
    """Remove the files that a run wrote into a tree of data, if they are unchanged, and its folders, if empty."""
    with service_account.acting_as_owner_of(data):
        _take_back(data, run)


def _take_back(data: Path, run: Entry) -> None:
    for line in reversed(run.laid):
        sha256, _spaces, relative = line.partition("  ")
        target = data.joinpath(*relative.split("/"))
        if sha256 != FOLDER:
            _clear(target.with_name(TEMPORARY))
            if record.sha256_of(target) == sha256:
                target.unlink()
        elif target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
            target.rmdir()
