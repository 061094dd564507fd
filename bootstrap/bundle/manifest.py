"""MANIFEST.json: what every other file of a bundle must be.

Format 1. SHA256SUMS holds its digest, so one signature over SHA256SUMS covers all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.bundle import names, strict
from bootstrap.bundle.application import Application, application_from_json
from bootstrap.bundle.strict import Fields, refuse, time_from_json, time_to_json
from bootstrap.bundle.target import Target, target_from_json
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
MANIFEST_LIMIT = 64 << 20  # bytes
FILES_LIMIT = 200_000
FILE_SIZE_LIMIT = 8 << 30  # bytes, exclusive: 11 octal digits of a ustar header
NAME = "MANIFEST.json"

PREREQUISITES, DEPENDENCIES, SOURCE = "01_Prerequisites", "02_Dependencies", "03_Source"
SCRIPTS, DOCUMENTATION, VERIFICATION, MODELS = "04_Scripts", "05_Documentation", "06_Verification", "07_Models"
WHEELS = f"{DEPENDENCIES}/wheels"

# kind → the folder that its files must lie in
KINDS = {
    "prerequisite": PREREQUISITES,
    "lock": DEPENDENCIES,
    "wheel": WHEELS,
    "source": SOURCE,
    "script": SCRIPTS,
    "document": DOCUMENTATION,
    "verification": VERIFICATION,
    "plugin": f"{VERIFICATION}/plugins",
    "model": MODELS,
}
_PRODUCT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}")


@dataclass(frozen=True)
class FileEntry:
    """One file of the bundle: its path in it, size in bytes, SHA-256 and kind."""

    path: str
    size: int
    sha256: str
    kind: str

    @property
    def inner(self) -> str:
        """The path below the folder of its kind, for example a source file's in the application."""
        return self.path[len(KINDS[self.kind]) + 1 :]

    @property
    def mode(self) -> int:
        return 0o755 if self.kind == "script" and not self.path.endswith(".bat") else 0o644

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256, "kind": self.kind}


@dataclass(frozen=True)
class Product:
    """What the bundle brings. ``name`` is normalised (PEP 503), ``title`` names archive and folders."""

    name: str
    title: str
    version: str
    counter: int

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "title": self.title, "version": self.version, "counter": self.counter}


@dataclass(frozen=True)
class Package:
    """One installed distribution: normalised name, version, its wheel's path, licence expression if known."""

    name: str
    version: str
    wheel: str
    licence: str | None

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "wheel": self.wheel, "licence": self.licence}


@dataclass(frozen=True)
class Probe:
    """A sentence and the embedding that the installed model must give for it.

    ``command`` is a launcher and its arguments; the sentence is added to it, and it prints the
    embedding as a JSON list. Components may differ by at most ``tolerance`` each.
    """

    command: tuple[str, ...]
    sentence: str
    embedding: tuple[float, ...]
    tolerance: float

    def to_json(self) -> dict[str, Any]:
        return {
            "command": list(self.command),
            "sentence": self.sentence,
            "embedding": list(self.embedding),
            "tolerance": self.tolerance,
        }


@dataclass(frozen=True)
class Model:
    """A model: its name (its folder in 07_Models), where it came from, its revision, its probe."""

    name: str
    repository: str
    revision: str
    probe: Probe | None

    def to_json(self) -> dict[str, Any]:
        probe = self.probe.to_json() if self.probe else None
        return {"name": self.name, "repository": self.repository, "revision": self.revision, "probe": probe}


@dataclass(frozen=True)
class Manifest:
    """A bundle's table of contents and promises.

    ``python_range`` is the (first, last) patch release for which the selection of packages holds,
    or None when it holds for all. ``installed_bytes`` and ``installed_files`` are what a release
    takes on disk before any bytecode is written.
    """

    product: Product
    target: Target
    python_range: tuple[int, int] | None
    created: str
    lock_sha256: str
    source_commit: str | None
    files: tuple[FileEntry, ...]
    packages: tuple[Package, ...]
    models: tuple[Model, ...]
    application: Application
    installed_bytes: int
    installed_files: int

    @property
    def total_bytes(self) -> int:
        """The size of all files in bytes."""
        return sum(entry.size for entry in self.files)

    @property
    def created_epoch(self) -> int:
        """The (claimed) time in seconds since 1970, as archive members carry it."""
        return int(time_from_json(self.created, f"{NAME}.created").timestamp())

    @property
    def root(self) -> str:
        """The folder that the archive unpacks to."""
        return f"{self.product.title}-Enterprise-Offline"

    @property
    def archive(self) -> str:
        """The archive's file name."""
        return f"{self.product.title}-Enterprise-{self.target}.tar.gz"

    @property
    def folder(self) -> str:
        """The name of the folder that travels."""
        return f"{self.product.name}-{self.product.version}-{self.target}-{self.target.abi}"

    def of_kind(self, kind: str) -> Iterator[FileEntry]:
        return (entry for entry in self.files if entry.kind == kind)

    def entry(self, path: str) -> FileEntry | None:
        return next((entry for entry in self.files if entry.path == path), None)

    def to_bytes(self) -> bytes:
        """Return the one way to write this manifest."""
        return strict.dumps(
            {
                "format": FORMAT,
                "product": self.product.to_json(),
                "target": self.target.to_json(),
                "python_range": None
                if self.python_range is None
                else {"first": self.python_range[0], "last": self.python_range[1]},
                "created": self.created,
                "lock_sha256": self.lock_sha256,
                "source_commit": self.source_commit,
                "files": [entry.to_json() for entry in self.files],
                "packages": [package.to_json() for package in self.packages],
                "models": [model.to_json() for model in self.models],
                "application": self.application.to_json(),
                "totals": {
                    "files": len(self.files),
                    "bytes": self.total_bytes,
                    "installed_bytes": self.installed_bytes,
                    "installed_files": self.installed_files,
                },
            }
        )


def _matching(fields: Fields, key: str, pattern: re.Pattern[str]) -> str:
    value = fields.text(key)
    if not pattern.fullmatch(value):
        raise refuse(f"{fields.path}.{key}", _("not of the form {form}").format(form=pattern.pattern))
    return value


def _product(value: Any, path: str) -> Product:
    fields = Fields(value, path)
    product = Product(
        _matching(fields, "name", _PRODUCT),
        _matching(fields, "title", _TITLE),
        _matching(fields, "version", _VERSION),
        fields.integer("counter", least=1),
    )
    fields.done()
    return product


def _file(value: Any, path: str) -> FileEntry:
    fields = Fields(value, path)
    entry = FileEntry(
        path=fields.text("path"),
        size=fields.integer("size", most=FILE_SIZE_LIMIT - 1),
        sha256=fields.sha256("sha256"),
        kind=fields.choice("kind", tuple(KINDS)),
    )
    fields.done()
    trouble = names.problem(entry.path)
    if trouble:
        raise refuse(f"{path}.path", f"{entry.path!r}: {trouble}")
    # the folder of wheels lies in the lock's, and only what is called a wheel is checked as one
    among_wheels = entry.path.startswith(WHEELS + "/")
    if not entry.path.startswith(KINDS[entry.kind] + "/") or among_wheels != (entry.kind == "wheel"):
        raise refuse(f"{path}.path", _("a file of kind {kind} does not lie there").format(kind=entry.kind))
    return entry


def _package(value: Any, path: str) -> Package:
    fields = Fields(value, path)
    package = Package(
        _matching(fields, "name", _PRODUCT),
        _matching(fields, "version", _VERSION),
        fields.text("wheel"),
        fields.optional_text("licence"),
    )
    fields.done()
    return package


def _probe(value: Any, path: str) -> Probe:
    fields = Fields(value, path)

    def component(item: Any, where: str) -> float:
        if isinstance(item, bool) or not isinstance(item, (int, float)) or abs(item) > 1e6:
            raise refuse(where, _("not a number"))
        return float(item)

    probe = Probe(
        command=fields.texts("command", most=100),
        sentence=fields.text("sentence"),
        embedding=fields.items("embedding", component, most=100_000),
        tolerance=fields.number("tolerance"),
    )
    fields.done()
    if not probe.command or not probe.embedding or not 0 < probe.tolerance < 1:
        raise refuse(path, _("lacks a command, an embedding or a tolerance between 0 and 1"))
    return probe


def _model(value: Any, path: str) -> Model:
    fields = Fields(value, path)
    model = Model(
        name=_matching(fields, "name", _TITLE),
        repository=fields.text("repository"),
        revision=fields.text("revision"),
        probe=fields.optional("probe", _probe),
    )
    fields.done()
    return model


def _python_range(value: Any, path: str) -> tuple[int, int]:
    fields = Fields(value, path)
    first = fields.integer("first", most=99)
    last = fields.integer("last", least=first, most=99)
    fields.done()
    return first, last


def _totals(value: Any, path: str) -> tuple[int, ...]:
    fields = Fields(value, path)
    totals = tuple(fields.integer(key) for key in ("files", "bytes", "installed_bytes", "installed_files"))
    fields.done()
    return totals


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest. Raises TrustError that names the path of what it refuses."""
    fields = Fields(strict.loads(data, NAME, limit=MANIFEST_LIMIT), NAME)
    fields.integer("format", least=FORMAT, most=FORMAT)
    files, total_bytes, installed_bytes, installed_files = fields.nested("totals", _totals)
    manifest = Manifest(
        product=fields.nested("product", _product),
        target=fields.nested("target", target_from_json),
        python_range=fields.optional("python_range", _python_range),
        created=time_to_json(fields.nested("created", time_from_json)),
        lock_sha256=fields.sha256("lock_sha256"),
        source_commit=fields.optional_text("source_commit"),
        files=fields.items("files", _file, most=FILES_LIMIT),
        packages=fields.items("packages", _package, most=FILES_LIMIT),
        models=fields.items("models", _model, most=100),
        application=fields.nested("application", application_from_json),
        installed_bytes=installed_bytes,
        installed_files=installed_files,
    )
    fields.done()
    if (files, total_bytes) != (len(manifest.files), manifest.total_bytes):
        raise refuse(f"{NAME}.totals", _("not the sums of the files"))
    _check_whole(manifest)
    if manifest.to_bytes() != data:
        raise refuse(NAME, _("not written the one way that is signed"))
    return manifest


def _check_whole(manifest: Manifest) -> None:
    """Refuse what no single field shows: doubles, collisions, references to nothing."""
    if not manifest.files:
        raise refuse(f"{NAME}.files", _("empty"))
    paths = [NAME, *(entry.path for entry in manifest.files)]
    clash = names.collision(paths)
    if clash:
        raise refuse(
            f"{NAME}.files", _("{first} and {second} meet on some hosts").format(first=clash[0], second=clash[1])
        )
    for path in paths:
        if names.split_ustar(f"{manifest.root}/{path}") is None:
            raise refuse(f"{NAME}.files", _("{path} is too long for a tar header").format(path=path))
    _check_packages(manifest)
    _check_models(manifest)


def _check_packages(manifest: Manifest) -> None:
    wheels = {entry.path for entry in manifest.of_kind("wheel")}
    if [package.wheel for package in manifest.packages] != sorted({package.wheel for package in manifest.packages}):
        raise refuse(f"{NAME}.packages", _("not in the order of their wheels, each once"))
    if wheels != {package.wheel for package in manifest.packages}:
        raise refuse(f"{NAME}.packages", _("not one package for each wheel"))
    if len({package.name for package in manifest.packages}) != len(manifest.packages):
        raise refuse(f"{NAME}.packages", _("a package stands twice"))


def _check_models(manifest: Manifest) -> None:
    if len({model.name for model in manifest.models}) != len(manifest.models):
        raise refuse(f"{NAME}.models", _("a model stands twice"))
    launchers = {launcher.name for launcher in manifest.application.launchers}
    for index, model in enumerate(manifest.models):
        if not any(entry.path.startswith(f"{MODELS}/{model.name}/") for entry in manifest.of_kind("model")):
            raise refuse(f"{NAME}.models[{index}]", _("{name} has no files").format(name=model.name))
        if model.probe and model.probe.command[0] not in launchers:
            place = f"{NAME}.models[{index}].probe.command[0]"
            raise refuse(place, _("{name} is not a launcher").format(name=model.probe.command[0][:80]))
