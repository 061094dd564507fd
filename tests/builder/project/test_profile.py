"""Profiles: what they say, what they refuse, and what they leave unchecked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from builder.fetch.cache import Cache
from builder.project.default_profile import default_profile
from builder.project.profile import Profile, find_profile, load_profile
from builder.project.unchecked import unchecked
from builder.request.reading import read_profile, require_commands
from builder.request.request import Request
from bundle.product.application import Launcher
from shared.errors import BuildError, UsageError
from shared.terminal.progress import NoProgress
from tests.builder.project.profiles import LAUNCHER, MODEL, REVISION, write

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "rag-mini"


def test_says_everything_that_an_application_needs(project: Path) -> None:
    (project / "probe.json").write_text("[0.6, -0.8]")
    path = write(
        project,
        f"""
        name = "Some-App"
        core_imports = ["numpy", "google.generativeai"]
        import_paths = ["src"]
        persist = ["data", "exports"]
        smoke = [["some-app", "--help"]]
        [imports]
        lazy = ["some", "heavy.part"]
        [source]
        include = ["cli.py", "src"]
        exclude = ["src/old"]
        allow_secrets = ["src/fake.pem"]
        [[launchers]]
        name = "some-app"
        kind = "script"
        target = "cli.py"
        [[launchers]]
        name = "some-web"
        kind = "module"
        target = "streamlit.web"
        arguments = ["run", "main.py"]
        cwd = "app"
        [[launchers]]
        name = "some-entry"
        kind = "entry"
        target = "some.app:main.run"
        [environment]
        template = ".env.example"
        required = ["API_KEY"]
        [environment.values]
        MODEL = "{{models}}/small"
        ALL = "{{app}}{{data}}{{prefix}}{{venv}}"
        [[models]]
        name = "small"
        source = "hf:some/small@{REVISION}"
        include = ["*.json"]
        exclude = ["onnx/*"]
        [models.probe]
        command = ["some-app", "embed"]
        sentence = "A sentence."
        embedding_file = "probe.json"
        tolerance = 0.01
        [[models]]
        name = "local"
        source = "path:../models/local"
        [[models]]
        name = "later"
        """,
    )
    profile = load_profile(path, project)
    application = profile.application
    assert profile.title == "Some-App"
    assert (profile.include, profile.exclude) == (("cli.py", "src"), ("src/old",))
    assert profile.allow_secrets == ("src/fake.pem",)
    assert application.launchers == (
        Launcher("some-app", "script", "cli.py", (), "caller"),
        Launcher("some-web", "module", "streamlit.web", ("run", "main.py"), "app"),
        Launcher("some-entry", "entry", "some.app:main.run", (), "caller"),
    )
    assert application.environment.template == {"API_KEY": "placeholder", "LEVEL": "info"}
    assert application.environment.required == ("API_KEY",)
    assert application.environment.values["MODEL"] == "{models}/small"
    assert application.core_imports == ("numpy", "google.generativeai")
    assert (application.import_paths, application.persist) == (("src",), ("data", "exports"))
    assert application.smoke == (("some-app", "--help"),)
    assert application.lazy_imports == ("some", "heavy.part")
    small, local, later = profile.models
    assert small.source == f"hf:some/small@{REVISION}"
    assert (small.include, small.exclude) == (("*.json",), ("onnx/*",))
    assert small.probe is not None
    assert (small.probe.command, small.probe.sentence) == (("some-app", "embed"), "A sentence.")
    assert (small.probe.embedding, small.probe.tolerance) == ((0.6, -0.8), 0.01)
    assert local.source == f"path:{project.parent / 'models' / 'local'}"
    assert (later.source, later.probe) == (None, None)


def test_folders_that_persist_may_have_similar_names(project: Path) -> None:
    profile = load_profile(write(project, 'name = "App"\npersist = ["data", "userdata", "x/data"]'), project)
    assert profile.application.persist == ("data", "userdata", "x/data")


SCRIPTS = '[project.scripts]\nsome = "some_app:main"\nother = "some_app:other"\ntest = "some_app:test"\n'


def states_scripts(project: Path) -> None:
    """Let a project have a package in src and three scripts."""
    write_file(project / "src" / "some_app" / "__init__.py")
    with (project / "pyproject.toml").open("a") as file:
        file.write(SCRIPTS)


def write_file(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("text", ["", "name = 'Some_App'", "[source]\nexclude = ['docs']", "persist = ['data']"])
def test_a_profile_adds_to_what_the_project_states(project: Path, text: str) -> None:
    states_scripts(project)
    profile, stated = load_profile(write(project, text), project), default_profile(project)
    assert stated.application.commands == ("some", "other", "some-app-test")
    assert (profile.title, profile.notes) == (stated.title, stated.notes)
    assert replace(profile.application, persist=()) == stated.application
    assert {path.name for path in profile.files} == {"ragtrace-profile.toml", ".env.example"}


def test_a_launcher_of_a_profile_stands_for_the_script_of_its_name_or_target(project: Path) -> None:
    states_scripts(project)
    text = """
        core_imports = []
        import_paths = ["."]
        without_scripts = ["other"]
        environment.template = ""
        [[launchers]]
        name = "Some"
        kind = "script"
        target = "cli.py"
        [[launchers]]
        name = "try"
        kind = "entry"
        target = "some_app:test"
        """
    profile = load_profile(write(project, text), project)
    assert profile.application.commands == ("Some", "try")
    assert (profile.application.core_imports, profile.application.import_paths) == ((), (".",))
    assert (profile.application.environment.template, profile.notes) == ({}, ())
    added = load_profile(write(project, LAUNCHER.format(kind="script", target="cli.py")), project)
    assert added.application.commands == ("app", "some", "other", "some-app-test")


def test_every_launcher_that_nothing_else_starts_is_asked_for_help(project: Path) -> None:
    states_scripts(project)
    asked = (("some", "--help"), ("other", "--help"), ("some-app-test", "--help"))
    assert default_profile(project).application.offline_commands == asked
    text = """
        smoke = [["some", "run"]]
        offline_commands = [["other", "list"]]
        without_help = ["server"]
        [[launchers]]
        name = "server"
        kind = "script"
        target = "cli.py"
        [[launchers]]
        name = "page"
        kind = "script"
        target = "cli.py"
        [dashboard]
        command = ["page", "{port}"]
        """
    application = load_profile(write(project, text), project).application
    assert application.smoke == (("some", "run"),)
    assert application.offline_commands == (("other", "list"), ("some-app-test", "--help"))


def test_a_script_that_opens_a_window_is_not_asked_for_help(project: Path) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('[project.gui-scripts]\ntest = "some_app:main"\n')
    assert default_profile(project).application.commands == ("some-app-test",)
    assert default_profile(project).application.offline_commands == ()


def test_an_application_without_commands_needs_a_reason(project: Path) -> None:
    def read(text: str) -> Profile:
        write(project, text)
        return read_profile(Request(project, project / "out", (), (), Cache(project / "cache")), NoProgress())

    with pytest.raises(BuildError, match="The bundle would have no command") as refused:
        require_commands(read("[source]\nexclude = []"), project)
    assert "no_commands = " in refused.value.advice
    require_commands(read('no_commands = "a library for notebooks"'), project)
    program = LAUNCHER.format(kind="program", target="cli.py")
    write_file(project / "cli.py", "print()")
    with pytest.raises(BuildError, match="The bundle would have no command"):
        require_commands(read(program), project)


def test_patterns_of_a_request_are_added_to_those_of_the_profile(project: Path) -> None:
    write(project, "[source]\nexclude = ['docs']")
    request = Request(project, project / "out", (), (), Cache(project / "cache"), exclude=("tests", "*.md"))
    assert read_profile(request, NoProgress()).exclude == ("docs", "tests", "*.md")


def test_finds_a_path_a_name_or_the_projects_own(project: Path) -> None:
    assert find_profile(None, project) is None
    own = write(project, 'name = "A"')
    assert find_profile(None, project) == own
    assert find_profile(str(own), project) == own
    named = find_profile("ragtrace", project)
    assert named is not None
    assert named.name == "ragtrace.toml"
    with pytest.raises(UsageError, match="Profile unknown not found") as refused:
        find_profile("unknown", project)
    assert "ragtrace" in refused.value.advice


def test_ragtraces_own_profile(project: Path) -> None:
    (project / ".env.example").write_text("GEMINI_API_KEY=your_key\nCLOVA_STUDIO_API_KEY=your_key\n")
    path = find_profile("ragtrace", project)
    assert path is not None
    profile = load_profile(path, project)
    commands = {launcher.name: (launcher.target, launcher.cwd) for launcher in profile.application.launchers}
    assert {name: commands[name] for name in profile.application.commands} == {
        "ragtrace": ("cli.py", "data"),  # what it writes where it stands is the user's
        "ragtrace-dashboard": ("streamlit", "app"),
    }
    programs = [launcher for launcher in profile.application.launchers if launcher.program]
    assert {program.name for program in programs} == {"try-container", "try-embedding", "try-page", "try-evaluation"}
    for program in programs:
        compile(program.program, program.target, "exec")
    probe = profile.models[0].probe
    assert probe is not None
    assert (probe.embedding, probe.record, probe.dimension, probe.normalised) == (None, True, 1024, True)
    assert {"cli.py", "src", "data", "docs", ".env.example", "pyproject.toml"} <= set(profile.include)
    assert unchecked(profile, project) == []
    assert profile.application.environment.values["BGE_M3_MODEL_PATH"] == "{models}/bge-m3"
    assert set(profile.application.environment.template) == {"GEMINI_API_KEY", "CLOVA_STUDIO_API_KEY"}
    assert {"BGE_M3_DEVICE", "LOG_LEVEL"} <= set(profile.application.environment.also)
    assert profile.application.environment.defaults == {"DEFAULT_EMBEDDING": "bge_m3"}
    assert {"data", "exports", "checkpoints"} <= set(profile.application.persist)
    assert [model.name for model in profile.models] == ["bge-m3"]
    assert len(profile.application.core_imports) == 11


def test_a_program_travels_with_its_text_and_is_no_command(project: Path) -> None:
    (project / "probes").mkdir()
    (project / "probes" / "ask.py").write_text("print('질문')\n", encoding="utf-8")
    text = LAUNCHER.format(kind="program", target="probes/ask.py")
    application = load_profile(write(project, f'name = "A"\nsmoke = [["app"]]\n{text}'), project).application
    assert application.launchers[0].program == "print('질문')\n"
    assert application.commands == ()


def test_a_command_with_the_name_of_a_program_is_refused_or_told(project: Path) -> None:
    def load(name: str):
        launcher = LAUNCHER.replace('"app"', f'"{name}"').format(kind="script", target="cli.py")
        return load_profile(write(project, f'name = "A"\n{launcher}'), project)

    with pytest.raises(UsageError, match=r"launchers\[0\]\.name: git is also a system program"):
        load("git")
    (note,) = load("docker").notes
    assert note.startswith("ragtrace-profile.toml: the launcher docker has the same name")
    assert load("app").notes == ()


@pytest.mark.parametrize("environment", ["", '[environment]\nalso = ["LEVEL"]\n'])
def test_lines_that_are_told_can_be_pasted_and_say_what_was_missing(project: Path, environment: str) -> None:
    (project / ".env.example").rename(project / "env.sample")  # which is not found by itself
    with (project / "pyproject.toml").open("a") as file:
        file.write("dependencies = ['Dependency_Injector>=4', 'flask']\n")
    text = environment + LAUNCHER.format(kind="script", target="cli.py") + MODEL
    said = unchecked(load_profile(write(project, f'name = "A"\n{text}'), project), project)
    assert {item.checks[0] for item in said} == {
        "packages.imports",
        "performance.start",
        "ragtrace.settings",
        "ragtrace.dashboard",
        "ragtrace.container",
        "ragtrace.probe",
    }
    pasted = {
        place: "".join(f"{line}\n" for item in said for line in [*item.lines()][1:] if item.place == place)
        for place in ("top", "environment", "end")
    }
    rest = text.removeprefix(environment)
    whole = f'name = "A"\n{pasted["top"]}{environment}{pasted["environment"]}{rest}{pasted["end"]}'
    assert unchecked(load_profile(write(project, whole), project), project) == []
    named = load_profile(write(project, f'name = "A"\n[container]\nobject = "a:b"\n{text}'), project)
    assert [(item.add, item.place) for item in unchecked(named, project) if "ragtrace.container" in item.checks] == [
        ('command = ["app"]', "container")
    ]


def test_the_examples_profile_names_the_embedding_to_give() -> None:
    profile = load_profile(EXAMPLE / "ragtrace-profile.toml", EXAMPLE)
    probe = profile.models[0].probe
    assert probe is not None
    assert probe.embedding == tuple(json.loads((EXAMPLE / "probe-minilm.json").read_text()))
    assert sum(component**2 for component in probe.embedding) == pytest.approx(1, abs=1e-5)
