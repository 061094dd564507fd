"""Models that are not in the bundle: where a host needs them, and which files to copy there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.product import weights
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import Manifest
    from bundle.product.application import ModelApart
    from installer.layout.prefix import Prefix


def place(prefix: Prefix, model: ModelApart) -> Path:
    """Return the folder that a model belongs in."""
    return prefix.models / model.name


def missing(prefix: Prefix, manifest: Manifest) -> list[ModelApart]:
    """Return the models whose folder is not there, or holds no file."""
    return [model for model in manifest.application.models_apart if not _has_files(place(prefix, model))]


def _has_files(folder: Path) -> bool:
    try:
        return any(path.is_file() for path in folder.iterdir())
    except OSError:
        return False


def damaged(prefix: Prefix, model: ModelApart) -> dict[str, str]:
    """Return the files of weights in a model's folder that cannot be whole, and why; what cannot be read among them."""
    found = {}
    folder = place(prefix, model)
    for file in sorted(folder.rglob("*")):
        try:
            fault = weights.fault(file.name, file) if file.is_file() else None
        except OSError as error:
            fault = error.strerror or str(error)
        if fault:
            found[file.relative_to(folder).as_posix()] = fault
    return found


def what_to_bring(prefix: Prefix, model: ModelApart) -> str:
    """Return which files to copy and where to, as a sentence."""
    kind, _colon, rest = model.source.partition(":")
    repository, _at, revision = rest.partition("@")
    origin = (
        _("all files of {repository} at revision {revision}").format(repository=repository, revision=revision)
        if kind == "hf"
        else _("the model's files, which are in the folder {name} of the builder").format(name=rest or model.name)
    )
    return _("Copy {files} (including config.json, the weights and the tokenizer) into {folder}.").format(
        files=origin, folder=place(prefix, model)
    )
