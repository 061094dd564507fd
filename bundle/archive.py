"""Reading a bundle's files: from the archive or from a folder that someone unpacked.

The manifest says what comes next, so nothing is parsed: the reader builds the one header that a
member can have (POSIX.1-1988 ustar) and compares its 512 bytes. It stops at the first deviation.
Each file is handed out as blocks; the digest is checked before the last block's iterator ends, so
a consumer that keeps a file only after the iterator is exhausted keeps verified bytes alone.
Hashing takes most of the time, so other threads do it: one for an archive's own bytes and one for
its members', or as many as there are processors for the files of a folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Callable, Union

from bundle import names
from bundle.digest import BLOCK
from bundle.manifest import NAME, FileEntry, Manifest
from shared import troubles
from shared.errors import HostError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from concurrent.futures import Future
    from hashlib import _Hash
    from pathlib import Path

    Volumes = Sequence[tuple[Path, str]]  # files and the SHA-256 that each must have
    Take = Callable[[FileEntry, Iterator[bytes]], None]

RECORD = 512  # bytes of a tar block
END = bytes(2 * RECORD)  # two zero blocks end a tar archive
GZIP = 16 + zlib.MAX_WBITS
AHEAD = 16  # blocks that reading may be ahead of hashing


def ustar_header(path: str, size: int, mode: int, mtime: int) -> bytes:
    """Return the only header that we write or accept for a regular file.

    Raises ValueError when the path does not fit (see names.split_ustar).
    """
    split = names.split_ustar(path)
    if split is None:
        raise ValueError(path)
    prefix, name = split
    fields = (
        (name, 100),
        (b"%07o" % mode, 8),
        (b"%07o" % 0, 8),
        (b"%07o" % 0, 8),
        (b"%011o" % size, 12),
        (b"%011o" % mtime, 12),
        (b" " * 8, 8),
        (b"0", 1),
        (b"", 100),
        (b"ustar\x0000", 8),
        (b"", 32),
        (b"", 32),
        (b"%07o" % 0, 8),
        (b"%07o" % 0, 8),
        (prefix, 155),
        (b"", 12),
    )
    header = b"".join(value.ljust(width, b"\0") for value, width in fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def padding(size: int) -> int:
    """Return how many zero bytes follow a file of this size."""
    return -size % RECORD


def damaged(path: str, reason: str) -> TrustError:
    """Return the error for a file of the bundle that is not what was signed."""
    return TrustError(
        _("{path}: {reason}.").format(path=path, reason=reason),
        advice=_("Copy the bundle again from the medium; if it fails again, request a new one."),
    )


def refused(path: Path, error: OSError) -> HostError:
    """Return the error for a file of the bundle that the host cannot read; its bytes may be right."""
    return troubles.trouble(error, troubles.BRINGING, path=path)


@contextmanager
def hashing() -> Iterator[ThreadPoolExecutor]:
    """Give a thread to hash in, which is not waited for in the end.

    A reader that was given up ends where it is collected: in any thread, even one that is just being started, and
    waiting for another one there would last for ever.
    """
    worker = ThreadPoolExecutor(1)
    try:
        yield worker
    finally:
        worker.shutdown(wait=False)


class Aside:
    """A SHA-256 that a worker of one thread takes, some blocks behind (hashlib frees the GIL)."""

    def __init__(self, worker: ThreadPoolExecutor) -> None:
        self.worker, self.digest = worker, hashlib.sha256()
        self.behind: deque[Future[None]] = deque()

    def update(self, block: bytes) -> None:
        self.behind.append(self.worker.submit(self.digest.update, block))
        if len(self.behind) > AHEAD:
            self.behind.popleft().result()

    def hexdigest(self) -> str:
        while self.behind:
            self.behind.popleft().result()
        return self.digest.hexdigest()


def checked_blocks(
    entry: FileEntry,
    blocks: Iterator[bytes],
    digest: Union[_Hash, Aside, None] = None,
    name: Callable[[], str] | None = None,
) -> Iterator[bytes]:
    """Pass a file's blocks on; raise TrustError, naming ``name``, unless all together are what was signed."""
    digest, size, name = digest or hashlib.sha256(), 0, name or (lambda: entry.path)
    for block in blocks:
        size += len(block)
        if size > entry.size:
            break  # not one byte more is read: the file may have no end
        digest.update(block)
        yield block
    if size != entry.size:
        raise damaged(name(), _("{size} bytes, expected {expected}").format(size=size, expected=entry.size))
    if digest.hexdigest() != entry.sha256:
        raise damaged(name(), _("its SHA-256 does not match the signed one"))


class _Volumes:
    """The bytes of an archive, whole or cut into volumes, each of which is hashed as it is read.

    A volume is compared with its signed digest before anything of the next one is read, so whatever
    is found wrong is in the one that ``name`` gives.
    """

    def __init__(self, volumes: Volumes, worker: ThreadPoolExecutor) -> None:
        self.left, self.worker = deque(volumes), worker
        self._open()

    def _open(self) -> None:
        path, self.sha256 = self.left.popleft()
        self.name, self.digest = path.name, Aside(self.worker)
        self.blocks = file_blocks(path, path.name)

    def read(self) -> bytes:
        """Return the next bytes, none at the end of the last volume."""
        while True:
            data = next(self.blocks, b"")
            if data or not self.left:
                self.digest.update(data)
                return data
            self.compare()
            self._open()

    def compare(self) -> None:
        """Raise TrustError unless the volume, which was read to its end, is the signed one."""
        if self.digest.hexdigest() != self.sha256:
            raise damaged(self.name, _("its SHA-256 does not match the signed one"))


class _Inflated:
    """One gzip stream of an archive's volumes, inflated in bounded pieces."""

    def __init__(self, volumes: _Volumes) -> None:
        self.volumes = volumes
        self.inflate = zlib.decompressobj(GZIP)
        self.pending = b""

    def damaged(self, reason: str) -> TrustError:
        return damaged(self.volumes.name, reason)

    def block(self, limit: int) -> bytes:
        """Return between 1 and ``limit`` bytes, or none at the end of the stream."""
        while not self.inflate.eof:
            data = self.pending or self.volumes.read()
            if not data:
                raise self.damaged(_("it is truncated"))
            try:
                block = self.inflate.decompress(data, limit)
            except zlib.error as error:
                raise self.damaged(_("not a gzip stream: {reason}").format(reason=error)) from error
            self.pending = self.inflate.unconsumed_tail
            if block:
                return block
        return b""

    def blocks(self, size: int) -> Iterator[bytes]:
        while size:
            block = self.block(min(size, BLOCK))
            if not block:
                raise self.damaged(_("it is truncated"))
            size -= len(block)
            yield block

    def exactly(self, size: int) -> bytes:
        return b"".join(self.blocks(size))

    def finish(self) -> None:
        """Check that nothing follows the stream, and that the last volume is the signed one."""
        if self.block(1) or self.inflate.unused_data or self.volumes.read():
            raise self.damaged(_("it has trailing data"))
        self.volumes.compare()


def read_archive(
    volumes: Volumes, manifest: Manifest, manifest_bytes: bytes, left_out: Container[FileEntry] = ()
) -> Iterator[tuple[FileEntry, Iterator[bytes]]]:
    """Yield each file of the archive in manifest order, with its checked blocks.

    ``volumes`` are the files that hold the archive, in order, each with its own signed digest: one where
    the archive is whole. ``left_out`` are files of the manifest that a delta omits. Raises TrustError.
    """
    mtime = manifest.created_epoch
    own = own_entry(manifest_bytes)
    with hashing() as raw, hashing() as worker:
        files = _Volumes(volumes, raw)
        stream = _Inflated(files)
        for entry in (own, *(entry for entry in manifest.files if entry not in left_out)):
            header = ustar_header(f"{manifest.root}/{entry.path}", entry.size, entry.mode, mtime)
            if stream.exactly(RECORD) != header:
                raise stream.damaged(_("{member} is not at its expected position").format(member=entry.path))
            name = partial("{0.name}: {1.path}".format, files, entry)
            blocks = checked_blocks(entry, stream.blocks(entry.size), Aside(worker), name)
            if entry is not own:
                yield entry, blocks
            drain(blocks)
            if any(stream.exactly(padding(entry.size))):
                raise stream.damaged(_("there is hidden data after {member}").format(member=entry.path))
        if stream.exactly(len(END)) != END:
            raise stream.damaged(_("it contains more files than the manifest"))
        stream.finish()


def own_entry(manifest_bytes: bytes) -> FileEntry:
    """Return the entry of the manifest itself, which it cannot list."""
    return FileEntry(NAME, len(manifest_bytes), hashlib.sha256(manifest_bytes).hexdigest(), "document")


def visit_folder(
    root: Path, manifest: Manifest, manifest_bytes: bytes, take: Take, left_out: Container[FileEntry] = ()
) -> None:
    """Hand each file of an unpacked bundle to ``take`` with its checked blocks, several at a time.

    The largest come first, so that no thread is left alone with one. Raises TrustError, or what
    ``take`` raises; then files that nobody took yet are left.
    """
    drain(checked_blocks(own_entry(manifest_bytes), file_blocks(root / NAME, NAME)))

    def visit(entry: FileEntry) -> None:
        blocks = checked_blocks(entry, file_blocks(root.joinpath(*entry.path.split("/")), entry.path))
        take(entry, blocks)
        drain(blocks)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        brought = [entry for entry in manifest.files if entry not in left_out]
        for _done in pool.map(visit, sorted(brought, key=lambda entry: -entry.size)):
            pass


def kind_of(path: Path) -> int:
    """Return what is at a path and behind its links (st_mode), 0 where nothing is.

    Raises HostError where this host refuses to look: pathlib would call that nothing, on some Pythons.
    """
    try:
        return os.stat(path).st_mode
    except OSError as error:
        if troubles.is_of_the_host(error, path):
            raise refused(path, error) from error
        return 0


def is_file(path: Path) -> bool:
    """Return whether a path leads to a regular file."""
    return stat.S_ISREG(kind_of(path))


def is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder."""
    return stat.S_ISDIR(kind_of(path))


def file_blocks(path: Path, name: str) -> Iterator[bytes]:
    """Yield a regular file's bytes; links, pipes and devices are refused.

    Raises HostError where the medium or this host refuses what could be right, TrustError for all else.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if troubles.is_of_the_host(error, path) and not os.path.isdir(path):  # Windows refuses to open a folder
            raise refused(path, error) from error
        reason = troubles.reason(error, troubles.READING, path=path)
        raise damaged(name, _("cannot be read: {reason}").format(reason=reason)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise damaged(name, _("not a regular file"))
    with os.fdopen(handle, "rb", buffering=0) as file:
        while True:
            try:
                block = file.read(BLOCK)
            except OSError as error:
                raise refused(path, error) from error
            if not block:
                return
            yield block


def drain(blocks: Iterator[bytes]) -> None:
    """Read to the end, for the check's sake."""
    for _block in blocks:
        pass
