"""Profiles that are refused, each with its file and key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from builder.project.profile import load_profile
from shared.errors import UsageError
from tests.builder.project.profiles import LAUNCHER, MODEL, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 3", "name: not a string"),
        ('without_scripts = ["other"]', "without_scripts[0]: the project has no script of that name"),
        ('without_help = ["other"]', "without_help[0]: other is not a launcher"),
        ("no_commands = true", "no_commands: not a string"),
        ('no_commands = "x"\n' + LAUNCHER.format(kind="script", target="cli.py"), "no_commands: the application has"),
        ('name = "RAG Mini"', "name: letters"),
        ('name = "A"\ncolour = "red"', "colour: unknown key"),
        ('name = "A"\npersist = "data"', "persist: not a list"),
        ('name = "A"\npersist = ["data", "data/db"]', "persist: data/db is the whole source, or inside"),
        ('name = "A"\nimport_paths = ["../out"]', "import_paths[0]: "),
        ('name = "A"\ncore_imports = ["os; x"]', "core_imports[0]: not a module name"),
        ('name = "A"\n[imports]\nlazy = ["torch", "os; x"]', "imports.lazy[1]: not a module name"),
        ('name = "A"\n[imports]\nlazy = "torch"', "imports.lazy: not a list"),
        ('name = "A"\n[imports]\neager = ["torch"]', "imports.eager: unknown key"),
        ('name = "A"\nimports = ["torch"]', "imports: not an object"),
        ('name = "A"\nsmoke = [["app"]]', "smoke[0]: app is not a launcher"),
        ('name = "A"\n[source]\nincluded = []', "source.included: unknown key"),
        ('name = "A"\n[source]\ninclude = [3]', "source.include[0]: not a string"),
        ('name = "A"\nsource = []', "source: not an object"),
        ('name = "A"\n' + LAUNCHER.format(kind="binary", target="cli.py"), "launchers[0].kind: not one of"),
        ('name = "A"\n' + LAUNCHER.format(kind="script", target="gone.py"), "launchers[0].target: gone.py is not"),
        ('name = "A"\n' + LAUNCHER.format(kind="script", target="../cli.py"), "launchers[0].target: "),
        (
            'name = "A"\n' + LAUNCHER.format(kind="module", target="a/b"),
            "launchers[0].target: not a valid target for a launcher",
        ),
        (
            'name = "A"\n' + LAUNCHER.format(kind="entry", target="a.b"),
            "launchers[0].target: not a valid target for a launcher",
        ),
        (
            'name = "A"\n' + LAUNCHER.format(kind="script", target="cli.py") + 'cwd = "home"',
            "launchers[0].cwd: not one",
        ),
        (
            'name = "A"\n' + LAUNCHER.replace('"app"', '"ragtrace-offline"').format(kind="script", target="cli.py"),
            "launchers[0].name: ragtrace-offline is reserved for the installer",
        ),
        (
            'name = "A"\n' + LAUNCHER.replace('"app"', '"test"').format(kind="script", target="cli.py"),
            "launchers[0].name: test is a shell builtin or keyword (sh)",
        ),
        (
            'name = "A"\n' + LAUNCHER.replace('"app"', '"nul"').format(kind="script", target="cli.py"),
            "launchers[0].name: nul is a reserved name on Windows",
        ),
        (
            'name = "A"\n' + (LAUNCHER + LAUNCHER.replace('"app"', '"APP"')).format(kind="script", target="cli.py"),
            "launchers[1].name: on a host that ignores case",
        ),
        (
            'name = "A"\n' + (LAUNCHER + LAUNCHER.replace('"app"', '"app.exe"')).format(kind="script", target="cli.py"),
            "launchers[1].name: on a host that ignores case",
        ),
        ('name = "A"\n[environment.values]\nPATH = "{app}"', "environment.values.PATH: a variable that the launchers"),
        ('name = "A"\npersist = [".ragtrace-data"]', "persist[0]: names that begin"),
        ('name = "A"\n[environment]\ntemplat = ".env"', "environment.templat: unknown key"),
        ('name = "A"\n[environment]\nrequired = ["OTHER_KEY"]', "environment.required: OTHER_KEY is neither"),
        (
            'name = "A"\n[environment]\ntemplate = ""\nrequired = ["API_KEY"]',
            "environment.required: API_KEY is neither",
        ),
        ('name = "A"\n[environment.values]\nX = "{home}/x"', "environment.values.X: {home} is not"),
        ('name = "A"\n[environment]\nalso = "X"', "environment.also: not a list"),
        ('name = "A"\n[environment]\nalso = ["X Y"]', "environment: 'X Y' is not a valid variable name"),
        ('name = "A"\n[environment.defaults]\nX = "{home}/x"', "environment.defaults.X: {home} is not"),
        ('name = "A"\n[environment]\nalso = ["X"]\nvalues = {X = "1"}', "environment.also: X has a fixed value"),
        ('name = "A"\n[environment]\nvalues = 3', "environment.values: not an object"),
        ('name = "A"\n' + MODEL + 'source = "hf:some/model"', "models[0].source: not hf:"),
        ('name = "A"\n' + MODEL + 'source = "https://host/model"', "models[0].source: not hf:"),
        ('name = "A"\n[[models]]\nname = "a/b"', "models[0].name: letters, digits"),
        (
            'name = "A"\n' + MODEL + MODEL.upper().replace("NAME", "name").replace("MODELS", "models"),
            "models: duplicate name",
        ),
        (
            'name = "A"\n' + MODEL + '[models.probe]\ncommand = ["x"]\nsentence = "s"\nrecord = true',
            "models[0].probe.command: x is not",
        ),
        (
            'name = "A"\n' + MODEL + '[models.probe]\ncommand = ["x"]\nsentence = "s"',
            "models[0].probe: needs embedding_file, record or dimension",
        ),
        ('name = "A"\n[container]\nobject = "src.container"', "container.object: not of the form"),
        ('name = "A"\noffline_commands = [["x"]]', "offline_commands[0]: x is not a launcher"),
        (
            'name = "A"\n' + LAUNCHER.format(kind="program", target="../probe.py"),
            "launchers[0].target: contains",
        ),
        (
            'name = "A"\n' + LAUNCHER.format(kind="program", target="nowhere.py"),
            "launchers[0].target: ",
        ),
        (
            'name = "A"\n' + LAUNCHER.format(kind="script", target="cli.py") + 'program = "x"',
            "launchers[0].program: unknown key",
        ),
        ('name = "A"\n' + MODEL + '[models.probe]\ncommand = []\nsentence = "s"', "models[0].probe.command: not a"),
        (
            'name = "A"\n' + MODEL + '[models.probe]\ncommand = ["x"]\nsentence = "s"\nrecord = true\ntolerance = 2',
            "models[0].probe.tolerance: not between",
        ),
    ],
)
def test_refuses_with_file_and_key(project: Path, text: str, said: str) -> None:
    path = write(project, text)
    with pytest.raises(UsageError, match=re.escape(f"ragtrace-profile.toml: {said}")) as refused:
        load_profile(path, project)
    assert str(path) in refused.value.advice


@pytest.mark.parametrize("content", ["[]", '["a"]', "[NaN]", "{}", "[1, [2]]"])
def test_refuses_a_probe_that_is_no_embedding(project: Path, content: str) -> None:
    (project / "probe.json").write_text(content)
    text = LAUNCHER.format(kind="script", target="cli.py") + MODEL
    probe = '[models.probe]\ncommand = ["app"]\nsentence = "s"\nembedding_file = "probe.json"'
    with pytest.raises(UsageError, match=r"models\[0\]\.probe\.embedding_file"):
        load_profile(write(project, f'name = "A"\n{text}{probe}'), project)


def test_refuses_what_is_not_toml(project: Path) -> None:
    with pytest.raises(UsageError, match=r"ragtrace-profile\.toml cannot be read"):
        load_profile(write(project, "name = "), project)
