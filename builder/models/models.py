"""The models of a bundle: collected from a folder or a model hub, with the SHA-256 of every file."""

from __future__ import annotations

import os
import re
import stat
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.models.files import choose_files
from builder.models.hub import keep_listing, list_repository, stored_listing
from builder.models.whole import require_whole
from bundle.digest import sha256_bytes, sha256_file, write_sums
from bundle.manifest import FILE_SIZE_LIMIT
from shared import troubles
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder.fetch.fetching import Fetching
    from builder.models.hub import HubFile, HubListing
    from builder.project.model_source import ModelSource
    from shared.terminal.progress import Progress

JOBS = 4
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")  # loading these runs code
_SPEC = re.compile(
    r"""(?x) (?: (?P<name> [A-Za-z0-9][A-Za-z0-9._-]{0,63} ) = )?
    (?: path: (?P<folder> .+ ) | hf: (?P<repository> [\w.-]+ (?: / [\w.-]+ )? ) @ (?P<revision> [\w./-]+ ) )"""
)


@dataclass(frozen=True)
class ModelSpec:
    """The source of a model: a folder, or a repository of a hub at a revision."""

    name: str | None
    folder: Path | None = None
    repository: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class ModelFile:
    """A file of a model: its path in the model, its location on this machine, its size in bytes and SHA-256."""

    path: str
    source: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class CollectedModel:
    """A model and its files, sorted by path. ``revision`` is a commit, or the SHA-256 of a folder's checksum list."""

    name: str
    repository: str
    revision: str
    files: tuple[ModelFile, ...]


def parse_model_spec(text: str) -> ModelSpec:
    """Parse ``path:DIR`` or ``hf:REPO@REVISION``, with an optional ``NAME=`` before it. Raises UsageError otherwise."""
    matched = _SPEC.fullmatch(text)
    if matched is None:
        raise UsageError(
            _("{text} is not a valid model source.").format(text=repr(text)),
            advice=_("Use path:FOLDER or hf:ORG/NAME@REVISION, with NAME= before it to set the installed folder."),
        )
    folder = matched["folder"]
    return ModelSpec(matched["name"], Path(folder) if folder else None, matched["repository"], matched["revision"])


def collect_model(source: ModelSource, fetching: Fetching) -> CollectedModel:
    """Return a model with its files, from a folder or a hub, each with its SHA-256.

    Raises BuildError if the model is unavailable or incomplete, or has files that cannot be bundled.
    """
    spec = _spec_of(source)
    if spec.folder is not None:
        model = _from_folder(spec.folder, source, fetching.progress)
    else:
        model = _from_hub(spec, source, fetching)
        require_whole(source.name, {file.path: file.source for file in model.files})
    pickles = [file.path for file in model.files if file.path.endswith(PICKLES)]
    if pickles and any(file.path.endswith(".safetensors") for file in model.files):
        fetching.progress.warn(
            _(
                "{model} contains weights that run code when loaded, next to safetensors: {files}; exclude "
                "them if the application does not need them."
            ).format(model=source.name, files=", ".join(pickles))
        )
    return model


def _spec_of(source: ModelSource) -> ModelSpec:
    assert source.source is not None  # ensured by with_models
    return parse_model_spec(source.source)


def measure_model(source: ModelSource, fetching: Fetching) -> tuple[int, int]:
    """Return the number and total size of a model's files to bundle; from a hub, only the listing is fetched."""
    spec = _spec_of(source)
    if spec.folder is not None:
        root = spec.folder.resolve()
        _require_folder(root)
        found = {path.relative_to(root).as_posix(): path for path in _walk(root)}
        sizes = {path: place.lstat().st_size for path, place in found.items()}
    else:
        listing = _list(spec, fetching)
        found, sizes = {}, {file.path: file.remote.size or 0 for file in listing.files}
    chosen = choose_files(sizes, source, fetching.progress)
    require_whole(source.name, {path: found[path] for path in chosen if path in found})
    return len(chosen), sum(sizes[path] for path in chosen)


def _list(spec: ModelSpec, fetching: Fetching) -> HubListing:
    """Return a repository's file list from the hub or, offline, from the cache, which requires a full commit."""
    repository, revision = spec.repository or "", spec.revision or ""
    if fetching.offline:
        return stored_listing(fetching.cache, repository, revision)
    listing = list_repository(repository, revision, pause=fetching.pause or threading.Event().wait)
    if listing.commit != revision:
        fetching.progress.step(
            _("{repository}: {revision} is commit {commit}").format(
                repository=repository, revision=revision, commit=listing.commit
            )
        )
    return listing


def _from_hub(spec: ModelSpec, source: ModelSource, fetching: Fetching) -> CollectedModel:
    repository = spec.repository or ""
    listing = _list(spec, fetching)
    wanted: dict[str, HubFile] = {file.path: file for file in listing.files}
    paths = choose_files(wanted, source, fetching.progress)
    for path in paths:
        _check_size(f"{repository}: {path}", wanted[path].remote.size or 0)
    if not fetching.offline:
        keep_listing(fetching.cache, repository, listing)
    remotes, text = [wanted[path].remote for path in paths], _("Fetching model {name}").format(name=source.name)
    found = replace(fetching, logins=listing.logins).files(remotes, text, jobs=JOBS)
    files = []
    for path in paths:
        remote = wanted[path].remote
        place = found[remote]
        known = remote.digest.algorithm == "sha256"
        digest = remote.digest.value if known else sha256_file(place)[0]
        files.append(ModelFile(path, place, place.stat().st_size, digest))
    return CollectedModel(source.name, repository, listing.commit, tuple(files))


def _from_folder(folder: Path, source: ModelSource, progress: Progress) -> CollectedModel:
    root = folder.resolve()
    _require_folder(root)
    try:
        found = {path.relative_to(root).as_posix(): path for path in _walk(root)}
        paths = choose_files(found, source, progress)
        for path in paths:
            _check_regular(found[path], root)
        require_whole(source.name, {path: found[path] for path in paths})
        sizes = {path: found[path].stat().st_size for path in paths}
        for path in paths:
            _check_size(str(found[path]), sizes[path])
        files = []
        with progress.task(_("Hashing model {name}").format(name=source.name), sum(sizes.values())) as task:
            for path in paths:
                digest, size = sha256_file(found[path])
                files.append(ModelFile(path, found[path], size, digest))
                task.advance(size)
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, near=root, kind=BuildError) from error
    sums = write_sums({file.path: file.sha256 for file in files})
    return CollectedModel(source.name, f"path:{root.name}", sha256_bytes(sums), tuple(files))


def _require_folder(root: Path) -> None:
    if not root.is_dir():
        raise BuildError(
            _("The model folder {folder} does not exist.").format(folder=root),
            advice=_("Specify a folder that contains the model: path:FOLDER."),
        )


def _walk(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder except folders; links to folders are yielded, not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path)
        else:
            yield path


def _check_regular(path: Path, root: Path) -> None:
    """Raise BuildError unless a path is a regular file, or a link to a file in the model folder."""
    if not path.is_symlink():
        if not stat.S_ISREG(path.lstat().st_mode):
            raise BuildError(_("{file} is not a regular file.").format(file=path), advice=_("Remove it or exclude it."))
        return
    target = path.resolve()
    if not target.is_file() or not target.is_relative_to(root):
        raise BuildError(
            _("{file} is a link that does not point to a file in the model folder.").format(file=path),
            advice=_("Copy the model with links resolved (`cp -rL`) and specify the copy."),
        )


def _check_size(file: str, size: int) -> None:
    if size >= FILE_SIZE_LIMIT:
        raise BuildError(
            _("{file} is too large for one file of a bundle archive ({size} bytes).").format(file=file, size=size),
            advice=_("Use a revision with weights in shards below 8 GiB, or exclude the file."),
        )
