"""Verification of installed distributions by their RECORD (PyPA: recording installed projects).

Every file that a RECORD lists with a digest is hashed; files that no RECORD lists are reported. This runs
before any installed module is imported, and can be repeated at any time.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional, Union

from bundle.digest import BLOCK
from bundle.manifest import FILE_SIZE_LIMIT
from shared import reading, troubles
from shared.errors import HostError
from shared.files import trees
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

BATCH = 64  # files that a thread hashes between two reads of the queue
RECORD_LIMIT = 64 << 20  # bytes

Hash = Callable[[Union[Path, str]], Optional[str]]  # returns a file's SHA-256, or None if it is not a regular file


class Recorded(NamedTuple):
    """A line of a RECORD: the file, its expected digest and its distribution.

    ``sha256`` is None if the line has no digest, as for RECORD itself. All paths are strings here: creating a Path for
    each takes longer than hashing a small file.
    """

    path: str
    sha256: str | None
    owner: str


@dataclass(frozen=True)
class Survey:
    """The result of a survey. Paths are absolute; ``owners`` maps them to distributions, ``digests`` to SHA-256."""

    missing: tuple[Path, ...] = ()
    altered: tuple[Path, ...] = ()
    unrecorded: tuple[Path, ...] = ()
    owners: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not (self.missing or self.altered or self.unrecorded)


def normalised(name: str) -> str:
    """Return a distribution's normalised name (PEP 503)."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def plain_version(text: str) -> str:
    """Return a version as the lockfile writes it (PEP 440 normal form), or unchanged if it is not a version."""
    from packaging.version import Version

    try:
        return str(Version(text))
    except ValueError:  # InvalidVersion, or more digits than int() accepts
        return text


def distributions(site: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield (normalised name, version, .dist-info folder) of each installed distribution, sorted by folder name."""
    for folder in sorted(site.glob("*.dist-info")):
        name, _dash, version = folder.name[: -len(".dist-info")].partition("-")
        yield normalised(name), plain_version(version), folder


def recorded(site: Path, winners: Mapping[str, str] | None = None) -> list[Recorded]:
    """Return every line of every RECORD in site-packages. Raises HostError if one is missing or unreadable.

    ``winners`` maps the paths of files that several distributions install to the one whose file is there: the lines of
    the others for these paths are left out.
    """
    lines, decided = [], winners or {}
    for name, _version, folder in distributions(site):
        record, advice = folder / "RECORD", _("Run recover to reinstall {name}.").format(name=name)
        try:
            rows = list(csv.reader(reading.read(record, RECORD_LIMIT).decode("utf-8").splitlines()))
        except OSError as error:
            raise troubles.trouble(error, troubles.READING, path=record, wanted=advice) from error
        except (UnicodeDecodeError, csv.Error) as error:
            reason = error if isinstance(error, csv.Error) else _("not valid UTF-8")
            what = _("{path} is damaged: {reason}.").format(path=record, reason=reason)
            raise HostError(what, advice=advice) from error
        top = str(site)
        found = [
            Recorded(os.path.normpath(os.path.join(top, row[0])), hex_of(row[1]), name)
            for row in rows
            if len(row) == 3 and row[0]
        ]
        lines += [line for line in found if decided.get(line.path, name) == name] if decided else found
    return lines


def hex_of(field_text: str) -> str | None:
    """Convert RECORD's urlsafe base64 without padding to hex digits; other algorithms count as no digest."""
    algorithm, _equals, value = field_text.partition("=")
    if algorithm != "sha256":
        return None
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    except ValueError:
        return ""  # a damaged digest, which matches no file


def sha256_of(path: Path | str, most: int = FILE_SIZE_LIMIT) -> str | None:
    """Return a regular file's digest, or None if no regular file of at most ``most`` bytes is there.

    Reading a pipe would never end, nor would reading a sparse file of arbitrary length.
    """
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return None
        handle = reading.open_regular(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name, which no file has
        return None
    return sha256_of_open(handle)


def sha256_of_open(handle: int) -> str:
    """Return the digest of the unread rest of a descriptor, and close it."""
    digest = hashlib.sha256()
    try:
        for block in iter(lambda: os.read(handle, BLOCK), b""):
            digest.update(block)
    finally:
        os.close(handle)
    return digest.hexdigest()


def digests_of(paths: Sequence[Path | str], hash_of: Hash = sha256_of) -> list[str | None]:
    """Hash files with one thread per processor (hashlib releases the GIL)."""
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [digest for batch in pool.map(lambda batch: [*map(hash_of, batch)], batches) for digest in batch]


def survey(site: Path, hash_of: Hash = sha256_of, winners: Mapping[str, str] | None = None) -> Survey:
    """Compare the files of an installed site-packages, and all others that its RECORDs list, with the RECORDs.

    ``winners`` is as in ``recorded``.
    """
    lines = recorded(site, winners)
    owners = {line.path: line.owner for line in lines}
    missing, altered, digests = [], [], {}
    with ThreadPoolExecutor(1) as aside:  # this runs while the main thread waits for the hashes
        others = aside.submit(lambda: [path for path in _others(str(site), owners) if not is_bytecode_of(path, owners)])
        contents = digests_of([line.path for line in lines], hash_of)
    for line, found in zip(lines, contents):
        if found is None:
            missing.append(Path(line.path))
        elif line.sha256 is not None and found != line.sha256:
            altered.append(Path(line.path))
        else:
            digests[line.path] = found
    return Survey(tuple(missing), tuple(altered), tuple(map(Path, others.result())), owners, digests)


def _others(site: str, known: Container[str]) -> Iterator[str]:
    """Return an iterator over every file below a folder except the known ones."""
    # includes folders that are links: Python would import from them
    return (entry.path for entry in trees.entries(site) if entry.path not in known)


def module_of(path: str) -> str | None:
    """Return the path of the module whose cached bytecode (PEP 3147) has this path, or None for any other path."""
    folder, name = os.path.split(path)
    if not name.endswith(".pyc") or os.path.basename(folder) != "__pycache__":
        return None
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")


def is_bytecode_of(path: str, owners: Container[str]) -> bool:
    """Return whether a file is the cached bytecode of a recorded module."""
    return module_of(path) in owners
