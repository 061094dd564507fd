"""A whole bundle of a tiny application, built, signed and installed for real within a second or two.

Four wheels made by hand, a model of a few bytes, and an application that embeds a sentence with them,
keeps a file among its data, and needs a key. Everything but the zipapp is real; a stand-in lies
in its place, and tests call the installer's functions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.assemble.assemble import Contents, write_archive
from builder.members import Member, member
from builder.signing.sign import generate_key, load_signer
from bundle import digest
from bundle.manifest import NAME as MANIFEST_NAME
from bundle.manifest import Manifest, Product
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS, open_bundle, volume_name
from bundle.product.application import Application, Launcher
from bundle.product.environment import Environment
from bundle.product.model import Probe
from bundle.reading import delta
from bundle.signing.policy import RELEASE_NAMESPACE, pins
from bundle.signing.signature import parse_public_key
from installer.layout.prefix import Prefix
from shared.terminal.progress import NoProgress
from tests.helpers import install_opened
from tests.packed import Packed
from tests.wheels import Wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bundle.manifest import FileEntry
    from bundle.opening import Bundle
    from bundle.product.conflict import Conflict
    from bundle.signing.policy import Policy

PRODUCT = "tiny-app"
KEY = "TINY_API_KEY"
COUNTER = 1_700_000_000
SENTENCE = "hello"
EMBEDDING = (5.0, 0.5)  # of SENTENCE: its length, and the model's weight
PROBE = Probe(("tiny", "embed"), SENTENCE, EMBEDDING, 0.001)

APP = '''\
"""The tiny application: embeds a sentence, notes it among the user's data."""
import json
import os
import sys
from pathlib import Path

import tiny_lib
import tiny_math
from tiny_text import words

if not os.environ.get("TINY_API_KEY"):
    sys.exit("TINY_API_KEY is not set")
command, *rest = sys.argv[1:] or ["--help"]
if command == "--help":
    print("usage: tiny embed|note TEXT", tiny_lib.VERSION)
elif command == "embed":
    weight = json.loads((Path(os.environ["TINY_MODEL"]) / "weights.json").read_text())["weight"]
    print(json.dumps([float(tiny_math.length(rest[0])), weight]))
elif command == "note":
    with (Path(__file__).parent / "data" / "notes.txt").open("a") as file:
        file.write(" ".join(words(rest[0])) + "\\n")
else:
    sys.exit(2)
'''

# package → (version, path in the wheel → text)
WHEEL_FILES: dict[str, tuple[str, dict[str, str]]] = {
    "tiny-lib": (
        "1.0.0",
        {
            "tiny_lib/__init__.py": "VERSION = '1.0.0'\n\n\ndef main() -> None:\n    print(VERSION)\n",
            "tiny_lib/more.py": "MORE = 'more'\n" * 50,
            "tiny_lib/table.csv": "a,b\n1,2\n",
        },
    ),
    "tiny-math": (
        "2.1.0",
        {
            "tiny_math/__init__.py": "from tiny_math.text import length\n",
            "tiny_math/text.py": "def length(text: str) -> int:\n    return len(text)\n",
        },
    ),
    "tiny-text": (
        "0.3.0",
        {
            "tiny_text/__init__.py": "def words(text: str) -> list[str]:\n    return text.split()\n",
            "tiny_text/words.txt": "질문\n답\n",
        },
    ),
    "tiny-unused": ("0.1.0", {"tiny_unused.py": "ANSWER = 42\n"}),
}
SCRIPTS = {"tiny-lib": "[console_scripts]\ntiny-version = tiny_lib:main\n"}


@dataclass(frozen=True)
class Tiny:
    """A bundle's folder, the public key that is to be trusted for it, and its manifest."""

    folder: Path
    key: Path
    manifest: Manifest

    @property
    def archive(self) -> Path:
        return self.folder / self.manifest.archive

    @property
    def policy(self) -> Policy:
        """The policy that trusts the key alone."""
        return pins([parse_public_key(self.key.read_text())])

    def cut(self, size: int) -> list[Path]:
        """Cut the archive into volumes and sign again, as the builder does; return the volumes."""
        data, sums = self.archive.read_bytes(), digest.read_sums((self.folder / SUMS).read_bytes(), SUMS)
        del sums[self.archive.name]
        volumes = []
        for number, start in enumerate(range(0, len(data), size), 1):
            path = self.folder / volume_name(self.archive.name, number)
            path.write_bytes(data[start : start + size])
            sums[path.name] = digest.sha256_file(path)[0]
            volumes.append(path)
        self.archive.unlink()
        self.sign(digest.write_sums(sums))
        return volumes

    def delta(self, base: Tiny, folder: Path) -> Tiny:
        """Write the delta of this bundle for hosts that have another one, as the builder does."""
        folder.mkdir(parents=True)
        contents: dict[str, bytes] = {}

        def take(entry: FileEntry, blocks: Iterator[bytes]) -> None:
            contents[entry.path] = b"".join(blocks)

        self.open().visit(take, lambda _count: None)
        left_out = delta.left_out(self.manifest, base.manifest)
        added = [Member(entry, contents[entry.path]) for entry in self.manifest.files if entry not in left_out]
        files = {MANIFEST_NAME: self.manifest.to_bytes(), delta.BASE: base.manifest.to_bytes()}
        if INSTALLER_MEMBER not in {entry.path for entry in left_out}:
            files[INSTALLER] = contents[INSTALLER_MEMBER]
        for name, data in files.items():
            (folder / name).write_bytes(data)
        path = folder / self.manifest.archive
        sums = write_archive(path, Contents(self.manifest, files[MANIFEST_NAME], added), NoProgress())
        sums.update({name: digest.sha256_bytes(data) for name, data in files.items()})
        made = Tiny(folder, self.key, self.manifest)
        made.sign(digest.write_sums(sums))
        return made

    def sign(self, sums: bytes) -> None:
        """Write SHA256SUMS and the signature over it."""
        (self.folder / SUMS).write_bytes(sums)
        signer = load_signer(self.key.with_suffix(""), lambda: None)
        (self.folder / f"{SUMS}.{signer.key.keyid}.sig").write_bytes(signer.sign(sums, RELEASE_NAMESPACE))

    def open(self) -> Bundle:
        """Return the bundle, its signature verified."""
        return open_bundle(self.folder, self.policy)


def application() -> Application:
    """Return how the tiny application is started, tried out and configured."""
    return Application(
        launchers=(
            Launcher("tiny", "script", "app.py"),
            Launcher("tiny-version", "entry", "tiny_lib:main"),
        ),
        environment=Environment({KEY: "placeholder"}, (KEY,), {"TINY_MODEL": "{models}/tiny"}),
        core_imports=("tiny_lib", "tiny_math"),
        persist=() if os.name == "nt" else ("data",),  # wine makes no junctions
        smoke=(("tiny", "--help"),),
    )


def tiny_bundle(
    folder: Path,
    *,
    counter: int = COUNTER,
    version: str = "1.0.0",
    packages: Mapping[str, tuple[str, dict[str, str]]] | None = None,
    sources: Mapping[str, str] | None = None,
    weights: str = '{"weight": 0.5}\n',
    requires: Mapping[str, tuple[str, ...]] | None = None,
    installer: bytes = b"#!/usr/bin/env python3\n# stands in for the zipapp\n",
    key: Path | None = None,
    probe: Probe | None = PROBE,
    scripts: Mapping[str, str] | None = None,
    conflicts: tuple[Conflict, ...] = (),
    python: str = "",
    plugins: Mapping[str, str] | None = None,
    **changes: Any,
) -> Tiny:
    """Build and sign a bundle below a folder.

    ``packages`` replaces or adds wheels, ``requires`` is what they need by name, ``scripts`` their entry points,
    ``sources`` replaces or adds files of the application; ``changes`` are fields of Application; ``key`` is the
    private key of an earlier bundle, to sign with it again; ``python`` is the target's, where it is not this one,
    ``plugins`` are its checks.
    """
    texts = {"app.py": APP, "data/questions.csv": "질문,답\n", "src/helper.py": "HELP = 1\n", **(sources or {})}
    packed = Packed(
        product=Product(PRODUCT, "Tiny-App", version, counter),
        wheels=tuple(
            Wheel(name, number, files, (requires or {}).get(name, ()), {**SCRIPTS, **(scripts or {})}.get(name, ""))
            for name, (number, files) in {**WHEEL_FILES, **(packages or {})}.items()
        ),
        source={path: text.encode() for path, text in texts.items()},
        model={"config.json": b"{}\n", "weights.json": weights.encode()},
        probe=probe,
        application=replace(application(), **changes),
        installer=installer,
        installed_bytes=200_000 + len(installer),
        installed_files=40,
        conflicts=conflicts,
        python=python,
        plugins={name: text.encode() for name, text in (plugins or {}).items()},
    )
    manifest = packed.manifest()
    contents = [member(path, kind, data) for path, (kind, data) in packed.contents().items()]
    return _write(folder / manifest.folder, manifest, contents, key or _key(folder))


def _key(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "key"
    if not path.exists():
        generate_key(path, None)
    return path


def _write(folder: Path, manifest: Manifest, contents: list[Any], key: Path) -> Tiny:
    folder.mkdir(parents=True)
    data = manifest.to_bytes()
    installer = next(item for item in contents if item.entry.path == INSTALLER_MEMBER)
    archive = write_archive(folder / manifest.archive, Contents(manifest, data, contents), NoProgress())
    (folder / INSTALLER).write_bytes(installer.content)
    (folder / MANIFEST_NAME).write_bytes(data)
    sums = digest.write_sums({INSTALLER: installer.entry.sha256, MANIFEST_NAME: digest.sha256_bytes(data), **archive})
    tiny = Tiny(folder, key.with_name(key.name + ".pub"), manifest)
    tiny.sign(sums)
    return tiny


def install_tiny(tiny: Tiny, root: Path) -> Prefix:
    """Install a bundle into a prefix, as ``install`` does."""
    install_opened(tiny.open(), Prefix(root))
    return Prefix(root)
