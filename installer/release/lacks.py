"""Find what an application needs in addition to its bundle: settings, and models that are copied separately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle.product import weights
from installer.release import settings
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.product.application import ModelApart
    from installer.layout.prefix import Prefix
    from installer.release.installation import Installation


@dataclass(frozen=True)
class Lacks:
    """The settings and models that a prefix lacks.

    ``names``, the settings, is None if PREFIX/.env cannot be read; validate reports the reason.
    """

    prefix: Prefix
    names: tuple[str, ...] | None
    models: tuple[ModelApart, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "missing_settings": {
                "file": str(self.prefix.env_file),
                "names": None if self.names is None else list(self.names),
            },
            "missing_models": [
                {
                    "name": model.name,
                    "source": model.source,
                    "folder": str(model_folder(self.prefix, model)),
                    "advice": what_to_copy(self.prefix, model),
                }
                for model in self.models
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield human-readable lines of advice, to be printed below the path of the settings file."""
        if self.names:
            text = _("Still missing:  {names}; add NAME=value for each to that file")
            yield text.format(names=", ".join(self.names))
        for model in self.models:
            advice = what_to_copy(self.prefix, model)
            yield _("Missing model:  {name}. {advice}").format(name=model.name, advice=advice)


def find(installation: Installation) -> Lacks:
    """Return the settings and models that a prefix lacks for a release, which may not exist yet."""
    try:
        names: tuple[str, ...] | None = settings.survey(installation).missing
    except (OSError, ValueError):
        names = None
    return Lacks(installation.prefix, names, tuple(missing_models(installation)))


def model_folder(prefix: Prefix, model: ModelApart) -> Path:
    """Return the folder that a model must be copied into."""
    return prefix.models / model.name


def missing_models(installation: Installation) -> list[ModelApart]:
    """Return the models whose folder is missing, cannot be read or contains no file."""
    wanted, prefix = installation.manifest.application.models_apart, installation.prefix
    return [model for model in wanted if not _has_files(model_folder(prefix, model))]


def _has_files(folder: Path) -> bool:
    try:
        return any(path.is_file() for path in folder.iterdir())
    except OSError:
        return False


def damaged_weights(prefix: Prefix, model: ModelApart) -> dict[str, str]:
    """Return the incomplete weight files in a model's folder by path, each with the reason.

    Files that cannot be read are included.
    """
    found = {}
    folder = model_folder(prefix, model)
    for file in sorted(folder.rglob("*")):
        try:
            fault = weights.fault(file.name, file) if file.is_file() else None
        except OSError as error:
            fault = error.strerror or str(error)
        if fault:
            found[file.relative_to(folder).as_posix()] = fault
    return found


def what_to_copy(prefix: Prefix, model: ModelApart) -> str:
    """Return the advice to copy a model: a sentence that names its files and its folder."""
    kind, _colon, rest = model.source.partition(":")
    repository, _at, revision = rest.partition("@")
    origin = (
        _("all files of {repository} at revision {revision}").format(repository=repository, revision=revision)
        if kind == "hf"
        else _("the model's files, which are in the folder {name} on the builder's machine").format(
            name=rest or model.name
        )
    )
    return _("Copy {files} (including config.json, the weights and the tokenizer) into {folder}.").format(
        files=origin, folder=model_folder(prefix, model)
    )
