"""SHA-256 of files and streams, and checksum lines in the coreutils format of ``sha256sum -c``."""

from __future__ import annotations

import hashlib
import re
from typing import IO, TYPE_CHECKING

from bundle import names
from bundle.strict import refuse
from shared import reading
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BLOCK = 128 << 10  # bytes read at a time; larger buffers go back to the system after each use, which costs page faults
SUMS_LIMIT = 1 << 20  # bytes of a SHA256SUMS file
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")


def sha256_stream(stream: IO[bytes]) -> tuple[str, int]:
    """Return the digest of the rest of a stream, and its length in bytes."""
    digest, size = hashlib.sha256(), 0
    for block in iter(lambda: stream.read(BLOCK), b""):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def sha256_file(path: Path, *, limit: int | None = None) -> tuple[str, int]:
    """Return the digest of a regular file, following links, and its length in bytes.

    Raises OSError if it is longer than ``limit`` bytes.
    """
    with reading.opened(path, limit=limit, follow=True) as file:
        return sha256_stream(file)


def sha256_bytes(data: bytes) -> str:
    """Return the digest of a byte string."""
    return hashlib.sha256(data).hexdigest()


def write_sums(digests: Mapping[str, str]) -> bytes:
    """Return checksum lines sorted by name (coreutils, text mode)."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def read_sums(data: bytes, document: str) -> dict[str, str]:
    """Return the digests in checksum lines, of which there must be at least one, by name.

    Raises TrustError unless they are exactly as ``write_sums`` writes them, and each name is valid in a bundle.
    """
    if len(data) > SUMS_LIMIT:
        raise refuse(document, _("larger than {limit} bytes").format(limit=SUMS_LIMIT))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse(document, _("not UTF-8")) from error
    digests = {name: value for value, name in _LINE.findall(text)}
    if not digests or write_sums(digests) != data:
        raise refuse(document, _("its lines must be sorted, each with a SHA-256, two spaces and a name"))
    for name in digests:
        trouble = names.problem(name)
        if trouble:
            raise refuse(document, f"{name!r}: {trouble}")
    return digests
