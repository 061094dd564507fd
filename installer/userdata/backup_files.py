"""The files of a backup: copied or shared at creation, checked against the index, staged for a restore."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from installer.userdata import copies, holes
from installer.userdata.backup_index import DATA, FILES, FOLDER, LINK, SETTINGS, Backup, Saved
from installer.userdata.copies import Names
from shared.errors import HostError
from shared.files import trees
from shared.files.trees import Entry, Folder
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from installer.layout.prefix import Prefix

SETTLED = 2_000_000_000  # nanoseconds; a file changed more recently may change again at the same time (git: racy)
PRIVATE = stat.S_IRWXU  # mode of the folders of a backup; its index records those of the originals


def of_the_user(prefix: Prefix) -> Iterator[Entry]:
    """Yield the settings, even if they are a link, and the data folder with its contents, as trees.walk does.

    ``data`` may be a link or on another filesystem.
    """
    if os.path.lexists(prefix.env_file):
        with Folder(prefix.root) as root:
            settings = Entry(root, SETTINGS, root.do(os.lstat, SETTINGS))
            if not stat.S_ISDIR(settings.status.st_mode):
                yield settings
    if not prefix.data.is_dir():
        return
    with Folder(prefix.data) as top:
        status = top.status()
        yield Entry(top, DATA, status, is_folder=True)
        yield from trees.walk(prefix.data)
        yield Entry(top, DATA, status, is_folder=True, left=True)


class Saver:
    """Copies files into a backup, or shares those that have not changed since the previous one (hard links)."""

    def __init__(self, prefix: Prefix, folder: Path, former: Backup | None, *, quick: bool) -> None:
        self.prefix, self.folder, self.quick = prefix, folder, quick
        self.former = Previous(former, files=True)
        self.saved: list[Saved] = []
        self.shared: set[int] = set()  # positions in ``saved``
        self.left_out: list[str] = []
        self._first: dict[int, Saved] = {}  # the first entry of each file with several names

    def save(self, also: Iterable[Path]) -> None:
        """Save the user's settings and data, and other files below the prefix."""
        with Folder(self.folder) as there, Names(self.folder) as names, contextlib.closing(self.former):
            for entry in of_the_user(self.prefix):
                self._take(entry, there, names)
        for path in also:
            self._take_other(path)

    def _take(self, entry: Entry, there: Folder, names: Names) -> None:
        if entry.left:
            copies.keep_folder(entry.here, there, PRIVATE)
            there.up()
            self.former.up()
        elif entry.is_folder:
            self.saved.append(Saved(there.depth, entry.name, FOLDER, stat.S_IMODE(entry.status.st_mode)))
            there.do(os.mkdir, entry.name, PRIVATE)
            there.down(entry.name)
            self.former.down(entry.name)
        elif entry.is_stored:
            with copies.unless_gone(entry):
                self._take_file(entry, there, names)
        else:
            self.left_out.append(os.path.relpath(entry.path, self.prefix.root))

    def _take_file(self, entry: Entry, there: Folder, names: Names) -> None:
        depth, name = there.depth, entry.name
        if entry.is_link:
            self.saved.append(Saved(depth, name, LINK + copies.copy_link(entry.here, name, there), 0))
            return
        number = names.number(entry.status)
        if names.link(number, there, name):
            self.saved.append(replace(self._first[number], depth=depth, name=name))
            return
        known = self.former.find(name)
        if known is not None and known.stamp and known.stamp == stamp(entry.status) and self._share(known, there):
            self.shared.add(len(self.saved))
            saved = replace(known, depth=depth, link=number)
        else:
            saved = replace(self._copy(entry, there), link=number)
        self.saved.append(saved)
        self._first.setdefault(number, saved)
        names.hold(number, there, name)

    def _share(self, known: Saved, there: Folder) -> bool:
        source = self.former.here
        if source is None or (not self.quick and content_of(source, known.name, known.content) != known.content):
            return False
        return source.link_to(known.name, there, known.name)

    def _copy(self, entry: Entry, there: Folder) -> Saved:
        before, digest = time.time_ns(), holes.Sparse() if holes.has_holes(entry.status) else holes.Whole()
        status, size = copies.copy_file(entry.here, entry.name, there, digest=digest)
        now = entry.here.do(os.lstat, entry.name)
        settled = stamp(now) == stamp(status) and before - max(now.st_ctime_ns, now.st_mtime_ns) > SETTLED
        mode = stat.S_IMODE(status.st_mode)
        return Saved(there.depth, entry.name, digest.of(size), mode, stamp(status) if settled else "")

    def _take_other(self, path: Path) -> None:
        relative = path.relative_to(self.prefix.root).as_posix()
        target = self.folder / relative
        trees.make_folders(target.parent)
        with Folder(path.parent) as here, Folder(target.parent) as there:
            entry = Entry(here, path.name, here.do(os.lstat, path.name))
            self.saved.append(replace(self._copy(entry, there), name=relative))


class Previous:
    """A cursor in the previous backup that follows the walk through the data.

    With ``files``, ``here`` is the open folder at the current position.
    """

    def __init__(self, backup: Backup | None, *, files: bool = False) -> None:
        self.saved = () if backup is None else backup.saved
        self.here = Folder(backup.path / FILES) if backup is not None and files else None
        self._below: dict[tuple[int, str], int] = {}
        self._depth: list[int | None] = [-1]  # positions of folders; None for one that is not in the backup
        above = [-1]
        for number, item in enumerate(self.saved):
            del above[item.depth + 1 :]
            self._below[above[-1], item.name] = number
            if item.is_folder:
                above.append(number)

    def find(self, name: str) -> Saved | None:
        """Return the entry of a name in the current folder, or None."""
        stands = self._depth[-1]
        number = None if stands is None else self._below.get((stands, name))
        return None if number is None else self.saved[number]

    def down(self, name: str) -> None:
        """Descend into a folder, which need not be in the backup."""
        stands = self._depth[-1]
        below = None if stands is None else self._below.get((stands, name))
        if below is not None and self.here is not None:
            try:
                self.here.down(name)
            except OSError:  # a damaged backup shares nothing
                below = None
        self._depth.append(below)

    def up(self) -> None:
        """Return to the parent folder."""
        if self._depth.pop() is not None and self.here is not None:
            self.here.up()

    def close(self) -> None:
        """Close the open folder of the backup's files."""
        if self.here is not None:
            self.here.close()


def stage(backup: Backup, target: Path) -> None:
    """Copy settings and data of a backup into a new folder, hashing each file as it is copied.

    Raises HostError if a file does not match the index.
    """
    target.mkdir(mode=0o700)
    modes: list[int] = []

    def leave(depth: int) -> None:
        while here.depth > depth:
            copies.keep_folder(here, there, modes.pop())
            here.up()
            there.up()

    with Folder(backup.path / FILES) as here, Folder(target) as there, Names(target) as names:
        for item in backup.saved:
            leave(item.depth)
            if item.depth or item.name in (DATA, SETTINGS):
                _stage(item, here, there, names)
                if item.is_folder:
                    modes.append(item.mode)
        leave(0)


def _stage(item: Saved, here: Folder, there: Folder, names: Names) -> None:
    if item.is_folder:
        there.do(os.mkdir, item.name, PRIVATE)
        here.down(item.name)
        there.down(item.name)
    elif item.content.startswith(LINK):
        copies.copy_link(here, item.name, there)
    elif not names.link(item.link, there, item.name):
        digest = holes.digest_like(item.content)
        _status, size = copies.copy_file(here, item.name, there, digest=digest, mode=item.mode)
        if digest.of(size) != item.content:
            raise damaged(here.path(item.name))
        names.hold(item.link, there, item.name)


def check(backup: Backup, leave_out: Collection[int] = ()) -> None:
    """Raise HostError unless every file of a backup matches its index; positions in ``leave_out`` are not read."""
    with Folder(backup.path / FILES) as here:
        for number, item in enumerate(backup.saved):
            while here.depth > item.depth:
                here.up()
            try:
                found = item.content if number in leave_out else _content(here, item)
                if item.is_folder:
                    here.down(item.name)
            except OSError as error:
                raise damaged(here.path(item.name)) from error
            if found != item.content:
                raise damaged(here.path(item.name))


def _content(here: Folder, item: Saved) -> str:
    if item.is_folder:
        return item.content  # descending into it reports a missing one
    if stat.S_ISLNK(here.do(os.lstat, item.name).st_mode):
        return LINK + str(here.do(os.readlink, item.name))
    return content_of(here, item.name, item.content)


def content_of(here: Folder, name: str, like: str) -> str:
    """Return a file's digest, of the same kind as ``like``, or '' if it cannot be read."""
    try:
        handle = here.open(name)
        try:
            return holes.digest_of(handle, like)
        finally:
            os.close(handle)
    except OSError:
        return ""


def stamp(status: os.stat_result) -> str:
    """Return the size, times and inode of a file as text that changes whenever the file is written."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def bytes_to_copy(prefix: Prefix, backup: Backup | None) -> int:
    """Return the size in bytes of the files that differ from a backup, without holes; a hard-linked one counts once."""
    previous, total, seen = Previous(backup), 0, set()
    for entry in of_the_user(prefix):
        if entry.is_folder:
            if entry.left:
                previous.up()
            else:
                previous.down(entry.name)
        elif entry.is_file:
            known, identity = previous.find(entry.name), (entry.status.st_dev, entry.status.st_ino)
            changed = known is None or not known.stamp or known.stamp != stamp(entry.status)
            if changed and identity not in seen:
                total += copies.data_bytes(entry.here, entry.name, entry.status)
            if entry.status.st_nlink > 1:
                seen.add(identity)
    return total


def damaged(path: str) -> HostError:
    """Return the error for a file of a backup that does not match the index."""
    return HostError(
        _("{path} in the backup is damaged.").format(path=path),
        advice=_("Use another backup; nothing was changed."),
    )
