"""What an application needs beside its bundle before it starts: settings, and models copied separately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from installer.release import models_apart, settings
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest
    from bundle.product.application import ModelApart
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release


@dataclass(frozen=True)
class Lacks:
    """What a prefix lacks. ``names`` of settings are None where PREFIX/.env cannot be read: validate says why."""

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
                    "folder": str(models_apart.place(self.prefix, model)),
                    "advice": models_apart.what_to_bring(self.prefix, model),
                }
                for model in self.models
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield what to do about it, for a person who sees the settings file named above."""
        if self.names:
            text = _("Still missing:  {names}; add NAME=value for each to that file")
            yield text.format(names=", ".join(self.names))
        for model in self.models:
            advice = models_apart.what_to_bring(self.prefix, model)
            yield _("Missing model:  {name}. {advice}").format(name=model.name, advice=advice)


def look(prefix: Prefix, release: Release, manifest: Manifest) -> Lacks:
    """Return what a prefix lacks for a release, which may still be to be made."""
    try:
        names: tuple[str, ...] | None = settings.survey(prefix, release, manifest).missing
    except (OSError, ValueError):
        names = None
    return Lacks(prefix, names, tuple(models_apart.missing(prefix, manifest)))
