"""The models to bundle: those of the profile, as changed by the command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.project.model_source import ModelSource, model_source
from bundle.product.application import ModelApart
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.project.profile import Profile


def with_models(profile: Profile, given: Sequence[str]) -> Profile:
    """Return the profile with the models given on the command line.

    Each is ``NAME=SOURCE``, or ``SOURCE`` alone if the profile has at most one model (if none, the name is
    that of the folder or repository). A relative ``path:`` is resolved against the working folder.
    Raises UsageError if a source is invalid, or a model has no source.
    """
    models = {model.name: model for model in profile.models}
    for text in given:
        named = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", text)
        try:
            source = model_source(named[2] if named else text, "--model", Path.cwd())
        except TrustError as error:
            raise UsageError(
                error.what, advice=_("Specify a source, for example --model path:models/bge-m3.")
            ) from error
        name = named[1] if named else _only_model(profile, source)
        models[name] = replace(models.get(name, ModelSource(name, None)), source=source)
    for model in models.values():
        if model.source is None:
            raise UsageError(
                _("The profile has no source for model {name}.").format(name=model.name),
                advice=_("Specify it with --model {name}=path:FOLDER or hf:ORG/NAME@REVISION.").format(name=model.name),
            )
    return replace(profile, models=tuple(models.values()))


def without_models(profile: Profile, names: Sequence[str]) -> Profile:
    """Return the profile without these models, which hosts receive out of band, in PREFIX/models/NAME.

    Settings that refer to them are changed to that location. Raises UsageError if the profile has no such model.
    """
    known = {model.name: model for model in profile.models}
    for name in names:
        if name not in known:
            raise UsageError(
                _("The profile has no model {name}.").format(name=name),
                advice=_("Choose one of the profile's models: {known}.").format(known=", ".join(known))
                if known
                else _("Omit the option; the profile has no models."),
            )
    left_out = [model for model in profile.models if model.name in names]
    environment, values = profile.application.environment, dict(profile.application.environment.values)
    for model in left_out:
        inside = re.compile(rf"\{{models\}}/{re.escape(model.name)}(?![\w.-])")
        apart_place = f"{{prefix}}/models/{model.name}"
        values = {setting: inside.sub(apart_place, text) for setting, text in values.items()}
    apart = [ModelApart(model.name, _public(model.source or "path:")) for model in left_out]
    apart_all = (*profile.application.models_apart, *apart)
    application = replace(profile.application, environment=replace(environment, values=values), models_apart=apart_all)
    return replace(
        profile, application=application, models=tuple(model for model in profile.models if model.name not in names)
    )


def _public(source: str) -> str:
    """Return a model's source, with a path reduced to its last folder, so that no path of this machine is published."""
    folder = re.split(r"[/\\]", source)[-1]
    return f"path:{folder}" if source.startswith("path:") else source


def _only_model(profile: Profile, source: str) -> str:
    if len(profile.models) > 1:
        known = ", ".join(model.name for model in profile.models)
        raise UsageError(
            _("The profile has several models: {known}.").format(known=known),
            advice=_("Specify one with --model NAME=SOURCE."),
        )
    if profile.models:
        return profile.models[0].name
    return re.split(r"[/\\]", source.partition("@")[0] if source.startswith("hf:") else source)[-1]
