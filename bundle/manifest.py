"""MANIFEST.json: the size, digest and kind of every other file of a bundle.

SHA256SUMS contains its digest, so one signature over SHA256SUMS covers all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bundle import names, strict
from bundle.product.application import Application
from bundle.product.conflict import Conflict, read_conflicts
from bundle.product.model import Model
from bundle.strict import Document, Fields, Value, by, refuse
from bundle.target import Target, target_from_json
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

MANIFEST_LIMIT = 64 << 20  # bytes
FILES_LIMIT = 200_000
INSTALLED_LIMIT = 1_000_000  # files of a release, without bytecode
FILE_SIZE_LIMIT = 8 << 30  # bytes, exclusive: 11 octal digits of a ustar header
NAME = "MANIFEST.json"

PREREQUISITES, DEPENDENCIES, SOURCE = "01_Prerequisites", "02_Dependencies", "03_Source"
SCRIPTS, DOCUMENTATION, VERIFICATION, MODELS = "04_Scripts", "05_Documentation", "06_Verification", "07_Models"
WHEELS = f"{DEPENDENCIES}/wheels"
PYTHON = f"{PREREQUISITES}/python"

# kind → the folder that contains its files
KINDS = {
    "prerequisite": PREREQUISITES,
    "interpreter": PYTHON,
    "lock": DEPENDENCIES,
    "wheel": WHEELS,
    "source": SOURCE,
    "script": SCRIPTS,
    "document": DOCUMENTATION,
    "verification": VERIFICATION,
    "plugin": f"{VERIFICATION}/plugins",
    "model": MODELS,
    "root": "",  # scripts in the bundle's root folder, which the user runs
}
STORED_KINDS = ("wheel", "model", "source", "lock", "script", "plugin", "verification", "interpreter")
OWN_FOLDERS = ("wheel", "interpreter")  # kinds whose folder is inside another kind's and contains nothing else
_IN_ROOT = re.compile(r"[a-z][a-z-]*\.py")
_PRODUCT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}")


def _product_form() -> str:
    return _("not a normalized name: lower-case letters and digits, with single '-' between them")


def _version_form() -> str:
    return _("letters, digits, '.', '!', '+', '_' and '-' only, at most 64, a letter or a digit first")


@dataclass(frozen=True)
class FileEntry(Value):
    """A file of the bundle: its path relative to the archive's top folder, size in bytes, SHA-256 and kind."""

    path: str = field(metadata=by(strict.text))
    size: int = field(metadata=by(strict.integer, most=FILE_SIZE_LIMIT - 1))
    sha256: str = field(metadata=by(strict.sha256))
    kind: str = field(metadata=by(strict.choice, choices=KINDS))

    def check(self, path: str) -> None:
        """Refuse a path that some host cannot store, or that is outside the folder of its kind."""
        trouble = names.problem(self.path)
        if trouble:
            raise refuse(f"{path}.path", f"{self.path!r}: {trouble}")
        # only files of kind wheel are checked as wheels, so no other file may be in their folder
        astray = any(self.path.startswith(KINDS[kind] + "/") != (self.kind == kind) for kind in OWN_FOLDERS)
        inside = self.path.startswith(KINDS[self.kind] + "/") if self.kind != "root" else _IN_ROOT.fullmatch(self.path)
        if not inside or astray:
            raise refuse(f"{path}.path", _("not a valid location for a file of kind {kind}").format(kind=self.kind))

    @property
    def is_stored(self) -> bool:
        """Whether hosts store the file by its digest, for repairs and for delta bundles that omit it."""
        return self.kind in STORED_KINDS

    @property
    def inner(self) -> str:
        """The path below the folder of its kind, for example that of a source file in the application."""
        folder = KINDS[self.kind]
        return self.path[len(folder) + 1 :] if folder else self.path

    @property
    def mode(self) -> int:
        program = self.kind == "interpreter" and self.inner.startswith("bin/")
        return 0o755 if program or (self.kind == "script" and not self.path.endswith(".bat")) else 0o644


@dataclass(frozen=True)
class Product(Value):
    """The product in the bundle. ``name`` is normalised (PEP 503), ``title`` is used in archive and folder names."""

    name: str = field(metadata=by(strict.matching, pattern=_PRODUCT, form=_product_form))
    title: str = field(metadata=by(strict.matching, pattern=names.PLAIN, form=names.plain_form))
    version: str = field(metadata=by(strict.matching, pattern=_VERSION, form=_version_form))
    counter: int = field(metadata=by(strict.integer, least=1))


@dataclass(frozen=True)
class Package(Value):
    """One installed distribution: normalised name, version, its wheel's path, license expression if known."""

    name: str = field(metadata=by(strict.matching, pattern=_PRODUCT, form=_product_form))
    version: str = field(metadata=by(strict.matching, pattern=_VERSION, form=_version_form))
    wheel: str = field(metadata=by(strict.text))
    licence: str | None = field(metadata=by(strict.optional, of=strict.text))


@dataclass(frozen=True)
class _Totals(Value):
    """The totals at the end of the document."""

    files: int = field(metadata=by(strict.integer))
    bytes: int = field(metadata=by(strict.integer))
    installed_bytes: int = field(metadata=by(strict.integer))
    installed_files: int = field(metadata=by(strict.integer, most=INSTALLED_LIMIT))


def _patches(value: Any, path: str) -> tuple[int, int]:
    fields = Fields(value, path)
    first = fields.nested("first", strict.integer, most=99)
    last = fields.nested("last", strict.integer, least=first, most=99)
    fields.done()
    return first, last


def _patches_to_json(patches: tuple[int, int] | None) -> dict[str, int] | None:
    return None if patches is None else {"first": patches[0], "last": patches[1]}


def _time(value: Any, path: str) -> str:
    return strict.time_to_json(strict.time_from_json(value, path))


@dataclass(frozen=True)
class Manifest(Document):
    """A bundle's table of contents.

    ``python_range`` has the first and the last patch release for which the selection of packages is valid;
    None means all. ``installed_bytes`` and ``installed_files`` are the size and the
    number of files of a release before any bytecode is written. ``conflicts`` lists the files whose contents in two
    wheels differ; a manifest that has some, or a path that fits no ustar header, is of format 2.
    """

    product: Product = field(metadata=by(Product.from_json))
    target: Target = field(metadata=by(target_from_json, write=Target.to_json))
    python_range: tuple[int, int] | None = field(metadata=by(strict.optional, of=_patches, write=_patches_to_json))
    created: str = field(metadata=by(_time))
    lock_sha256: str = field(metadata=by(strict.sha256))
    source_commit: str | None = field(metadata=by(strict.optional, of=strict.text))
    files: tuple[FileEntry, ...] = field(metadata=by(strict.items, of=FileEntry.from_json, most=FILES_LIMIT))
    packages: tuple[Package, ...] = field(metadata=by(strict.items, of=Package.from_json, most=FILES_LIMIT))
    models: tuple[Model, ...] = field(metadata=by(strict.items, of=Model.from_json, most=100))
    application: Application = field(metadata=by(Application.from_json))
    installed_bytes: int = field(metadata=by(strict.integer))
    installed_files: int = field(metadata=by(strict.integer))
    conflicts: tuple[Conflict, ...] = field(default=(), metadata=by(read_conflicts, added=True))
    LATEST = 2

    def written_format(self) -> int:
        """Return 2 for a manifest that uses features the first installers did not support, else 1."""
        short = all(names.split_ustar(f"{self.root}/{entry.path}") for entry in self.files)
        return 1 if short and not self.conflicts else 2  # a long path is in a pax record of the archive

    @property
    def total_bytes(self) -> int:
        """The size of all files in bytes."""
        return sum(entry.size for entry in self.files)

    @property
    def created_epoch(self) -> int:
        """The (claimed) build time in seconds since 1970, as in the archive's headers."""
        return int(strict.time_from_json(self.created, f"{NAME}.created").timestamp())

    @property
    def root(self) -> str:
        """The folder that the archive unpacks into."""
        return f"{self.product.title}-Enterprise-Offline"

    @property
    def archive(self) -> str:
        """The archive's file name."""
        return f"{self.product.title}-Enterprise-{self.target}.tar.gz"

    @property
    def folder(self) -> str:
        """The name of the bundle folder."""
        return f"{self.product.name}-{self.product.version}-{self.target}-{self.target.abi}"

    @property
    def own_python(self) -> str | None:
        """The path of the bundled Python's executable below ``PYTHON``, or None if the host's Python is used."""
        program = "python.exe" if self.target.platform == "windows" else f"bin/python{self.target.python}"
        return program if any(self.of_kind("interpreter")) else None

    def of_kind(self, kind: str) -> Iterator[FileEntry]:
        return (entry for entry in self.files if entry.kind == kind)

    def entry(self, path: str) -> FileEntry | None:
        return next((entry for entry in self.files if entry.path == path), None)

    @classmethod
    def from_json(cls, value: Any, path: str) -> Self:
        """Read a manifest, and refuse totals that do not match its files."""
        fields = Fields(value, path)
        totals = fields.nested("totals", _Totals.from_json)
        installed = {"installed_bytes": totals.installed_bytes, "installed_files": totals.installed_files}
        manifest = super().from_json({**fields.left, **installed}, path)
        if (totals.files, totals.bytes) != (len(manifest.files), manifest.total_bytes):
            raise refuse(f"{path}.totals", _("do not match the totals of the files"))
        return manifest

    def to_json(self) -> dict[str, Any]:
        """Return the object, with the totals of the files and of the installed release under one key."""
        value = super().to_json()
        totals = _Totals(len(self.files), self.total_bytes, value.pop("installed_bytes"), value.pop("installed_files"))
        return {**value, "totals": totals.to_json()}

    def check(self, path: str) -> None:
        """Refuse fields that are invalid in combination: duplicates, collisions, dangling references."""
        if not self.files:
            raise refuse(f"{path}.files", _("empty"))
        paths = [NAME, *(entry.path for entry in self.files)]
        clash = names.collision(paths)
        if clash:
            raise refuse(
                f"{path}.files", _("{first} and {second} collide on some hosts").format(first=clash[0], second=clash[1])
            )
        self._check_python(f"{path}.files")
        self._check_packages(f"{path}.packages")
        self._check_models(f"{path}.models")

    def _check_python(self, path: str) -> None:
        if self.own_python and self.entry(f"{PYTHON}/{self.own_python}") is None:
            raise refuse(path, _("the embedded Python has no {file}").format(file=self.own_python))

    def _check_packages(self, path: str) -> None:
        wheels = [package.wheel for package in self.packages]
        if wheels != sorted(set(wheels)):
            raise refuse(path, _("not sorted by wheel, or with duplicates"))
        if set(wheels) != {entry.path for entry in self.of_kind("wheel")}:
            raise refuse(path, _("must list one package for each wheel, and no others"))
        if len({package.name for package in self.packages}) != len(self.packages):
            raise refuse(path, _("duplicate package"))

    def _check_models(self, path: str) -> None:
        if len({model.name for model in self.models}) != len(self.models):
            raise refuse(path, _("duplicate model"))
        launchers = {launcher.name for launcher in self.application.launchers}
        for index, model in enumerate(self.models):
            if not any(entry.path.startswith(f"{MODELS}/{model.name}/") for entry in self.of_kind("model")):
                raise refuse(f"{path}[{index}]", _("{name} has no files").format(name=model.name))
            for key, command in (model.probe.commands if model.probe else {}).items():
                if command and command[0] not in launchers:
                    where = f"{path}[{index}].probe.{key}[0]"
                    raise refuse(where, _("{name} is not a launcher").format(name=command[0][:80]))


def parse_manifest(data: bytes, name: str = NAME) -> Manifest:
    """Parse a manifest. Raises TrustError with the path of the refused value in the file ``name``."""
    return Manifest.from_bytes(data, name, limit=MANIFEST_LIMIT)
