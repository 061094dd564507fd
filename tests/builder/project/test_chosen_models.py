"""Models that the command line chooses: left out of a bundle, or named where the profile names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builder.project.chosen_models import with_models, without_models
from builder.project.profile import load_profile
from shared.errors import UsageError
from tests.builder.project.profiles import MODEL, REVISION, write

if TYPE_CHECKING:
    from pathlib import Path

MODELS = 'name = "A"\n[[models]]\nname = "one"\n'


def test_a_model_can_be_left_out_of_the_bundle(project: Path) -> None:
    values = '[environment.values]\nA = "{models}/small:{models}/small2"\nB = "{models}/small/x"\n'
    more = '[[models]]\nname = "small2"\nsource = "path:b"\n'
    text = f'name = "A"\n{values}{MODEL}source = "hf:some/small@main"\n{more}'
    profile = without_models(load_profile(write(project, text), project), ["small"])
    assert [model.name for model in profile.models] == ["small2"]
    (apart,) = profile.application.models_apart
    assert (apart.name, apart.source) == ("small", "hf:some/small@main")
    assert profile.application.environment.values == {
        "A": "{prefix}/models/small:{models}/small2",
        "B": "{prefix}/models/small/x",
    }
    (*_others, last) = without_models(profile, ["small2"]).application.models_apart
    assert last.source == "path:b"  # no folder of this machine
    with pytest.raises(UsageError, match="no model small"):
        without_models(profile, ["small"])


def test_the_command_line_names_models(project: Path) -> None:
    one = load_profile(write(project, MODELS), project)
    assert [m.source for m in with_models(one, [f"hf:a/b@{REVISION}"]).models] == [f"hf:a/b@{REVISION}"]
    both = with_models(one, ["one=path:/x/y", "two=path:/z"])
    assert [(m.name, m.source) for m in both.models] == [("one", "path:/x/y"), ("two", "path:/z")]
    none = load_profile(write(project, 'name = "A"'), project)
    assert [m.name for m in with_models(none, ["path:/x/minilm"]).models] == ["minilm"]
    assert [m.name for m in with_models(none, [f"hf:org/bge-m3@{REVISION}"]).models] == ["bge-m3"]


def test_refuses_a_model_that_nothing_names(project: Path) -> None:
    one = load_profile(write(project, MODELS), project)
    with pytest.raises(UsageError, match="no source for model one") as refused:
        with_models(one, [])
    assert "--model one=" in refused.value.advice
    two = load_profile(write(project, MODELS + '[[models]]\nname = "two"\n'), project)
    with pytest.raises(UsageError, match="several models: one, two"):
        with_models(two, ["path:/x"])
    with pytest.raises(UsageError, match="--model: not hf:"):
        with_models(one, ["/x"])
