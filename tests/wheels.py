"""Wheels made by hand, for tests: right unless a test bends them."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import digest
from bundle.lock import Row, write_pylock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def file_name(name: str, version: str, tag: str = "py3-none-any") -> str:
    """Return the file name of a wheel (PEP 427)."""
    return f"{name.replace('-', '_')}-{version}-{tag}.whl"


@dataclass(frozen=True)
class Wheel:
    """A pure wheel: its name, version, files (path → text or bytes), what it requires and its entry points."""

    name: str
    version: str
    modules: Mapping[str, str | bytes]
    requires: tuple[str, ...] = ()
    entry_points: str = ""

    @property
    def filename(self) -> str:
        return file_name(self.name, self.version)

    def build(self) -> bytes:
        return make_wheel(self.name, self.version, self.modules, requires=self.requires, entry_points=self.entry_points)


def make_wheel(
    name: str,
    version: str,
    files: Mapping[str, str | bytes] | None = None,
    *,
    metadata: str = "",
    entry_points: str = "",
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
) -> bytes:
    """Return a wheel with a right RECORD, the same bytes each time.

    Without ``files`` it has an empty package of its name; ``metadata`` are more lines of its METADATA.
    """
    folder = name.replace("-", "_")
    info = f"{folder}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    texts = {
        **({f"{folder}/__init__.py": ""} if files is None else files),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}{metadata}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **({f"{info}/entry_points.txt": entry_points} if entry_points else {}),
    }
    members = {path: text.encode() if isinstance(text, str) else text for path, text in texts.items()}
    rows = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in members.items()]
    members[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), data)
    return stream.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def pylock(wheels: Mapping[str, bytes]) -> bytes:
    """Return the lock (PEP 751) of wheels by their paths, which end with their file names."""
    rows = []
    for path, data in wheels.items():
        file = path.rpartition("/")[2]
        name, version = file.split("-")[:2]
        rows.append(Row(file, name.replace("_", "-"), version, digest.sha256_bytes(data)))
    return write_pylock(rows)
