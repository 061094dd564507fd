"""Completeness of a model's weights, derived from file size and header without reading all of the file.

A complete file can still contain wrong numbers: digests and probes detect those. Files in formats that do not
record their length are only checked for being empty.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from shared import reading
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".gguf", ".npz", ".ckpt")
EXPORTS = (".onnx",)
ZIPPED = (".bin", ".pt", ".pth", ".npz", ".ckpt")  # torch.save since 1.6, numpy.savez; older ones are pickles
HEADER_LIMIT = 100_000_000  # bytes of a header, the limit of safetensors itself


def fault(name: str, file: Path) -> str | None:
    """Return why weights in a file named ``name`` are incomplete, or None; other files are not checked.

    Raises OSError if the file cannot be read.
    """
    name = name.lower()
    if not name.endswith((*WEIGHTS, *EXPORTS)):
        return None
    size = file.stat().st_size
    if size == 0:
        return _("it is empty")
    with reading.opened(file) as stream:
        if name.endswith(".safetensors"):
            return _of_safetensors(stream, size)
        if name.endswith(ZIPPED) and stream.read(4) == b"PK\x03\x04" and not zipfile.is_zipfile(stream):
            return _("it is truncated: the end of its archive is missing")
    return None


def _of_safetensors(stream: BinaryIO, size: int) -> str | None:
    """Check a safetensors file (https://huggingface.co/docs/safetensors): header length, header, end of the tensors."""
    length = int.from_bytes(stream.read(8), "little")
    if length > min(size - 8, HEADER_LIMIT):
        if length > HEADER_LIMIT:
            return _("it is not a safetensors file")
        return _("it is truncated in its header")
    try:
        expected = 8 + length + _end(json.loads(stream.read(length)))
    except (ValueError, RecursionError):
        return _("it is not a safetensors file")
    if size != expected:
        return _("its header declares {expected} bytes, but it has {size}").format(expected=expected, size=size)
    return None


def _end(header: Any) -> int:
    """Return the end of the last tensor as an offset after the header. Raises ValueError if one has no offsets."""
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"] if isinstance(header, dict) else [0]
    offsets: list[Any] = [tensor.get("data_offsets") if isinstance(tensor, dict) else None for tensor in tensors]
    if not all(isinstance(pair, list) and [type(one) for one in pair] == [int, int] for pair in offsets):
        raise ValueError("no offsets")
    return max((pair[1] for pair in offsets), default=0)
