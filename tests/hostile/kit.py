"""A bundle that can be bent in every way before or after it is signed, and a host that must not notice."""

from __future__ import annotations

import hashlib
import shutil
import time
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bootstrap import cli
from bundle import strict
from bundle.digest import sha256_bytes, write_sums
from bundle.manifest import NAME, Manifest
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS
from bundle.reading.archive import END, padding, ustar_header
from bundle.signing.policy import RELEASE_NAMESPACE
from bundle.signing.signature import ECDSA
from tests.helpers import NOTES, snapshot
from tests.keys import SoftKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.tiny import Tiny

BOUND = 20.0  # seconds that any refusal may take
ARCHIVE, UNPACKED = "archive", "unpacked"
KEY = SoftKey(ECDSA)  # no host trusts it
LAST = "07_Models/tiny/weights.json"  # of a bundle's files


@dataclass(frozen=True)
class Original:
    """A good bundle, taken apart: its manifest, and the bytes of every file in their order."""

    manifest: Manifest
    contents: dict[str, bytes]
    key: SoftKey

    def draft(self, folder: Path) -> Draft:
        data = self.manifest.to_bytes()
        return Draft(self, folder, data, {NAME: data, **self.contents}, self.parts({NAME: data, **self.contents}))

    def parts(self, contents: dict[str, bytes]) -> list[Part]:
        modes = {entry.path: entry.mode for entry in self.manifest.files}
        root, mtime = self.manifest.root, self.manifest.created_epoch
        return [
            Part(path, ustar_header(f"{root}/{path}", len(data), modes.get(path, 0o644), mtime), data)
            for path, data in contents.items()
        ]


@dataclass
class Part:
    """A member of the archive as it is going to be written: header, bytes, what pads them."""

    path: str
    header: bytes
    data: bytes
    pad: bytes = b""

    def __post_init__(self) -> None:
        self.pad = self.pad or bytes(padding(len(self.data)))

    def poke(self, offset: int, value: bytes, *, checksum: bool = True) -> None:
        """Change bytes of the header; its checksum is made right again unless told otherwise."""
        header = self.header[:offset] + value + self.header[offset + len(value) :]
        if checksum:
            header = header[:148] + b" " * 8 + header[156:]
            header = header[:148] + b"%06o\0 " % sum(header) + header[156:]
        self.header = header


@dataclass
class Draft:
    """A bundle about to be written. What is changed before ``write`` is signed, what is changed after it is not."""

    original: Original
    folder: Path
    manifest: bytes
    contents: dict[str, bytes]
    parts: list[Part]
    tail: bytes = END
    wrap: Callable[[bytes], bytes] = lambda tar: gzip(tar)  # noqa: PLW0108 - it stands below
    sums: bytes | None = None
    signatures: list[tuple[str, bytes]] | None = None

    @property
    def archive(self) -> Path:
        return self.folder / self.original.manifest.archive

    @property
    def root(self) -> Path:
        """The unpacked root folder."""
        return self.folder / self.original.manifest.root

    @property
    def sums_file(self) -> Path:
        return self.folder / SUMS

    @property
    def signature_file(self) -> Path:
        return self.folder / f"{SUMS}.{self.original.key.key.keyid}.sig"

    def part(self, path: str) -> Part:
        return next(part for part in self.parts if part.path == path)

    def with_installer(self, data: bytes) -> Draft:
        """Return the draft of the same bundle with another installer."""
        files = tuple(
            replace(entry, size=len(data), sha256=sha256_bytes(data)) if entry.path == INSTALLER_MEMBER else entry
            for entry in self.original.manifest.files
        )
        contents = {**self.original.contents, INSTALLER_MEMBER: data}
        manifest = self.original.manifest
        more = len(data) - len(self.original.contents[INSTALLER_MEMBER])
        manifest = replace(manifest, files=files, installed_bytes=manifest.installed_bytes + more)
        return Original(manifest, contents, self.original.key).draft(self.folder)

    def change_manifest(self, change: Callable[[dict[str, Any]], None]) -> None:
        value = strict.loads(self.manifest, NAME, limit=1 << 26)
        change(value)
        self.manifest = strict.dumps(value)

    def write(self, form: str) -> None:
        self.folder.mkdir(parents=True)
        tar = b"".join(part.header + part.data + part.pad for part in self.parts) + self.tail
        packed = self.wrap(tar)
        if form == ARCHIVE:
            self.archive.write_bytes(packed)
        else:
            for path, data in self.contents.items():
                place = self.root / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self.manifest if path == NAME else data)
        (self.folder / NAME).write_bytes(self.manifest)
        (self.folder / INSTALLER).write_bytes(self.contents[INSTALLER_MEMBER])
        self.sign(digests=self.digests(packed))

    def digests(self, packed: bytes | None = None) -> dict[str, str]:
        packed = self.archive.read_bytes() if packed is None else packed
        return {
            NAME: hashlib.sha256(self.manifest).hexdigest(),
            self.archive.name: hashlib.sha256(packed).hexdigest(),
            INSTALLER: hashlib.sha256(self.contents[INSTALLER_MEMBER]).hexdigest(),
        }

    def sign(self, *, digests: dict[str, str] | None = None, sums: bytes | None = None, **options: Any) -> None:
        """Write SHA256SUMS and the good signer's signature over it."""
        data = sums if sums is not None else write_sums(digests or {})
        self.sums_file.write_bytes(data)
        self.signature_file.write_bytes(self.original.key.sign(data, RELEASE_NAMESPACE, **options))


def archive(draft: Draft) -> Path:
    return draft.archive


def sign_as(
    key: SoftKey, namespace: str = RELEASE_NAMESPACE, *, name: str | None = None, keep: bool = False, **options: Any
) -> Callable[[Draft], None]:
    """Let another key sign, in the place of the good signer or (``keep``) beside it."""

    def change(draft: Draft) -> None:
        if not keep:
            draft.signature_file.unlink()
        armoured = key.sign(draft.sums_file.read_bytes(), namespace, **options)
        (draft.folder / (name or f"{SUMS}.{key.key.keyid}.sig")).write_bytes(armoured)

    return change


def gzip(tar: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, 31)
    return deflate.compress(tar) + deflate.flush()


@dataclass
class Host:
    """Everything that a run could reach: a home, a working folder, a prefix with an active release."""

    root: Path
    prefix: Path
    key: str

    def state(self) -> dict[str, str]:
        """Return what lies on this host, but for what a run tells of itself."""
        notes = tuple(f"prefix/{note}" for note in NOTES)
        found = snapshot(self.root, "media", "home/.local/state/ragtrace/logs", *notes)
        found.pop("home/.local/state/ragtrace/scratch", None)  # where our folders for a moment are noted, empty by now
        return found

    def run(self, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ended:
        capsys.readouterr()
        started = time.monotonic()
        code = cli.main([*map(str, arguments), "--trust-key", self.key])
        seconds = time.monotonic() - started
        out, err = capsys.readouterr()
        return Ended(code, out + err, seconds)

    def refuses(self, capsys: pytest.CaptureFixture[str], bundle: Path, reason: str, *commands: str) -> None:
        """Assert that ``verify`` and ``install`` both refuse for this reason and change nothing."""
        before = self.state()
        for command in commands or ("verify", "install"):
            prefix = ("--prefix", self.prefix) if command == "install" else ()
            ended = self.run(capsys, command, bundle, *prefix)
            assert ended.code not in (0, 1, 70), f"{command}: {ended.code} {ended.text}"
            assert reason in ended.text, f"{command}: {ended.text}"
            assert "Traceback" not in ended.text
            assert ended.seconds < BOUND
        after = self.state()
        assert after == before, sorted(set(after.items()) ^ set(before.items()))[:10]


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, everything that it wrote, seconds."""

    code: int
    text: str
    seconds: float


def take_apart(tiny: Tiny, key: SoftKey) -> Original:
    """Return a tiny bundle's manifest and files, to be signed anew."""
    data, position, contents = zlib.decompress(tiny.archive.read_bytes(), 31), 0, {}
    sizes = {NAME: len(tiny.manifest.to_bytes()), **{entry.path: entry.size for entry in tiny.manifest.files}}
    for path, size in sizes.items():
        position += 512
        contents[path] = data[position : position + size]
        position += size + padding(size)
    del contents[NAME]
    return Original(tiny.manifest, contents, key)


def forget(folder: Path) -> None:
    """Remove what a case brought."""
    shutil.rmtree(folder, ignore_errors=True)
