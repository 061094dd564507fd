from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from builder.models.models import CollectedModel, ModelFile
from builder.models.probe import LocalApplication, with_embedding
from builder.project.model_source import ModelSource, ProbeSource
from bundle.product.application import Application, Launcher
from bundle.product.environment import Environment
from shared.terminal.progress import NoProgress

APP = """
import json, os, sys
assert os.environ["APP_KEY"] == "placeholder" and os.environ["HF_HUB_OFFLINE"] == "1"
assert os.environ["APP_LEVEL"] == "low"
print("loading")
weight = json.load(open(os.environ["APP_MODEL"] + "/weights.json"))
print(json.dumps([len(sys.argv[2]), weight]))
"""
PROBE = ProbeSource(("app", "embed"), "hello", None, 0.001, record=True)
SOURCE = ModelSource("tiny", "path:/nowhere", probe=PROBE)


class Warnings(NoProgress):
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def ask(tmp_path):
    """Ask the model of a small project; return what came of it and what was said."""
    root = tmp_path / "project"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (root / "app.py").write_text(APP)
    (tmp_path / "w").write_text("0.5")
    model = CollectedModel("tiny", "r", "1", (ModelFile("weights.json", tmp_path / "w", 3, ""),))
    application = Application(
        launchers=(Launcher("app", "script", "app.py"),),
        environment=Environment(
            {"APP_KEY": "placeholder", "APP_LEVEL": "high"},
            ("APP_KEY",),
            {"APP_MODEL": "{models}/tiny"},
            defaults={"APP_LEVEL": "low"},
        ),
    )

    def asked(source=SOURCE, app=APP, folder=root):
        (root / "app.py").write_text(app)
        reported = Warnings()
        return with_embedding(source, model, LocalApplication(application, folder), reported).probe, reported.warnings

    return asked


def test_the_projects_environment_answers_the_probe(ask):
    probe, warnings = ask()
    assert (probe.embedding, warnings) == ((5.0, 0.5), [])


@pytest.mark.parametrize(
    ("app", "reason"),
    [("import nothing_of_this_name", "No module named"), ("print('[]')", "not a JSON list of numbers")],
)
def test_what_cannot_be_computed_is_told_and_ends_no_build(ask, app, reason):
    probe, (warning,) = ask(app=app)
    assert probe.embedding is None
    assert reason in warning


def test_without_an_environment_nothing_is_run(ask, tmp_path):
    probe, (warning,) = ask(folder=tmp_path)
    assert probe.embedding is None
    assert ".venv does not exist" in warning


def test_nothing_is_run_that_the_profile_does_not_ask_for(ask):
    given = replace(SOURCE, probe=replace(PROBE, record=False, dimension=2))
    assert ask(given, app="raise SystemExit(1)") == (given.probe, [])


def test_an_embedding_of_the_profile_stays(ask):
    given = replace(SOURCE, probe=replace(PROBE, embedding=(1.0,), record=False))
    assert ask(given, app="raise SystemExit(1)") == (given.probe, [])
    assert ask(replace(SOURCE, probe=None)) == (None, [])
