from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundle.product.application import Launcher, ModelApart
from installer.layout.prefix import Prefix
from installer.release import lacks
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, look_all, release_of
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.application.cli import Commands
from validator.checks.application.models import Models


def test_passes_on_what_was_shipped(prefix) -> None:
    assert look(Models, prefix).status == PASS


def test_names_missing_and_altered_files(prefix) -> None:
    models = release_of(prefix).models / "tiny"
    change(models / "weights.json", b"[0.5, -0.26]\n")
    (models / "config.json").unlink()
    result = look(Models, prefix)
    assert result.status == FAIL
    assert result.evidence == {"missing": ["tiny/config.json"], "altered": ["tiny/weights.json"]}
    assert "tiny/weights.json" in result.details


def test_no_models_are_skipped(tmp_path) -> None:
    assert look(Models, make_prefix(tmp_path, model={})).status == SKIP


APART = ModelApart("bge", "hf:some/bge@0123")
READ = "import os\nprint(open(os.path.join(os.environ['BGE'], 'config.json')).read())\n"


@pytest.fixture
def without(tmp_path):
    """Give an installation whose application needs a model that its bundle does not bring."""
    environment = replace(APPLICATION.environment, values={"BGE": "{prefix}/models/bge", "DEMO_MODEL": "x"})
    launchers = (*APPLICATION.launchers, Launcher("read", "program", "read.py", program=READ))
    changes: dict[str, Any] = {"environment": environment, "launchers": launchers, "offline_commands": (("read",),)}
    return make_prefix(tmp_path, model={}, application=replace(APPLICATION, models_apart=(APART,), **changes))


def test_a_model_that_is_not_here_yet_is_told_with_what_to_bring_and_where_to(without) -> None:
    result = look(Models, without)
    assert result.status == WARN
    assert "all files of some/bge at revision 0123" in result.suggestion
    assert f"into {without.root}/models/bge." in result.suggestion
    _smoke, command = look_all(Commands, without)
    assert (command.status, "not tried: missing models: bge" in command.details) == (SKIP, True)


def test_a_model_that_was_brought_is_used(without) -> None:
    folder = lacks.model_folder(without, APART)
    folder.mkdir(parents=True)
    assert look(Models, without).status == WARN  # an empty folder is no model
    (folder / "config.json").write_text("{}")
    assert look(Models, without).status == PASS
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"")
    result = look(Models, without)
    assert (result.status, result.evidence["damaged"]) == (FAIL, ["2_Dense/model.safetensors"])
    assert "2_Dense/model.safetensors (it is empty)" in result.details
    assert f"into {folder}." in result.suggestion
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    _smoke, command = look_all(Commands, without)
    assert command.status == PASS, command.details


def test_a_models_folder_of_the_builders_is_named() -> None:
    advice = lacks.what_to_copy(Prefix(Path("/p")), ModelApart("b", "path:bge"))
    assert "in the folder bge on the builder's machine" in advice
