"""Verification of installed distributions by their RECORD (PyPA: recording installed projects).

Every file that a RECORD lists with a digest is hashed; files that no RECORD lists are reported. This runs
before any installed module is imported, and can be repeated at any time.
"""

from __future__ import annotations

import binascii
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

LARGE = 1 << 20  # bytes from which a file is hashed in a thread of its own
LATER = "later"  # in place of the digest of a large file that is to be read
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

    ``winners`` maps the paths of files that several distributions install to the one whose file is installed: the lines
    of the others for these paths are left out.
    """
    lines, decided, top = list[Recorded](), winners or {}, os.path.normpath(site)
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
        found = [Recorded(_place(top, row[0]), hex_of(row[1]), name) for row in rows if len(row) == 3 and row[0]]
        lines += [line for line in found if decided.get(line.path, name) == name] if decided else found
    return lines


def _place(top: str, path: str) -> str:
    """Return the normal path of a line of a RECORD; most lines are normal already, and there are tens of thousands."""
    is_normal = os.sep == "/" and not path.startswith((".", "/")) and "/." not in path and "//" not in path
    return f"{top}/{path}" if is_normal and path[-1] != "/" else os.path.normpath(os.path.join(top, path))


def hex_of(field_text: str) -> str | None:
    """Convert RECORD's urlsafe base64 without padding to hex digits; other algorithms count as no digest."""
    algorithm, _equals, value = field_text.partition("=")
    if algorithm != "sha256":
        return None
    try:
        padded = value + "=" * (-len(value) % 4)
        return binascii.a2b_base64(padded.replace("-", "+").replace("_", "/")).hex()
    except ValueError:
        return ""  # a damaged digest, which matches no file


def sha256_of(path: Path | str, most: int = FILE_SIZE_LIMIT) -> str | None:
    """Return a regular file's digest, or None if the path is not a regular file of at most ``most`` bytes.

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


def digests_of(
    paths: Sequence[Path | str], hash_of: Hash = sha256_of, unread: Callable[[OSError], str] | None = None
) -> list[str | None]:
    """Hash files: large ones with one thread per processor, small ones meanwhile in this thread.

    hashlib releases the GIL, but opening a small file takes longer than hashing it, and threads that do so only wait
    for each other. ``unread`` returns what replaces the digest of a file that cannot be read; without it, OSError is
    raised.
    """
    at_once: Hash = getattr(hash_of, "at_once", None) or (lambda path: LATER if _is_large(path) else hash_of(path))

    def read(path: Path | str, how: Hash = hash_of) -> str | None:
        try:
            return how(path)
        except OSError as error:
            if unread is None:
                raise
            return unread(error)

    found, later = [], {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, path in enumerate(paths):
            found.append(read(path, at_once))
            if found[-1] == LATER:
                later[number] = pool.submit(read, path)
    for number, reading_it in later.items():
        found[number] = reading_it.result()
    return found


def _is_large(path: Path | str) -> bool:
    try:
        return os.lstat(path).st_size > LARGE
    except (OSError, ValueError):
        return False


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
    if not path.endswith(".pyc"):
        return None
    folder, name = os.path.split(path)
    if os.path.basename(folder) != "__pycache__":
        return None
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")


def is_bytecode_of(path: str, owners: Container[str]) -> bool:
    """Return whether a file is the cached bytecode of a recorded module."""
    return module_of(path) in owners
