"""Applications without scripts: how they are started is found, said, and made a launcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builder.project.default_profile import default_profile
from builder.project.profile import load_profile
from builder.project.stated import stated_by
from builder.request.reading import require_commands
from builder.starts.recognized import proposed, recognized
from builder.starts.start import with_runs
from builder.starts.written_profile import write_profile
from bundle.product.application import Dashboard, Launcher
from shared.errors import BuildError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

STREAMLIT = "import streamlit as st\n\nst.set_page_config(page_title='x')\nst.title('Hello')\n"
HELPER = "import streamlit as st\n\ndef show():\n    st.write('part')\n"
FASTAPI = "from fastapi import FastAPI\n\napp: FastAPI = FastAPI(title='x')\n"
MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n"
GRADIO = "import gradio as gr\n\nwith gr.Blocks() as demo:\n    pass\ndemo.launch()\n"
SERVER = ("--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "Some_App"\nversion = "1.0"\n')
    (folder / "cli.py").write_text("")
    return folder


def made(project: Path, requires: str, **files: str) -> Path:
    with (project / "pyproject.toml").open("a") as file:
        file.write(f"dependencies = {requires}\n")
    for name, text in files.items():
        path = project / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return project


FOUND = [
    (
        "['streamlit>=1']",
        {"a": HELPER, "pages__app": STREAMLIT, "tests__app": STREAMLIT, "web__app": STREAMLIT},
        "streamlit run web/app.py",
        Launcher("some-app", "module", "streamlit", ("run", "web/app.py"), "app"),
        Dashboard(("some-app", *SERVER)),
    ),
    (
        "['fastapi[standard]']",
        {"src__some__main": FASTAPI, "src__some____init__": "", "not-a-module": FASTAPI},
        "uvicorn some.main:app",
        Launcher("some-app", "module", "uvicorn", ("some.main:app",), "app"),
        Dashboard(("some-app", "--host=127.0.0.1", "--port={port}"), path="/docs"),
    ),
    (
        "['fastapi', 'Uvicorn']",
        {"main": FASTAPI.replace("title", "docs_url=None, title")},
        "uvicorn main:app",
        Launcher("some-app", "module", "uvicorn", ("main:app",), "app"),
        None,
    ),
    (
        "['Django']",
        {"manage": MANAGE},
        "python manage.py",
        Launcher("some-app", "script", "manage.py", (), "app"),
        None,
    ),
    (
        "['gradio']",
        {"demo": GRADIO},
        "python demo.py",
        Launcher("some-app", "script", "demo.py", (), "app"),
        Dashboard(("some-app",), {"GRADIO_SERVER_PORT": "{port}"}),
    ),
]


@pytest.mark.parametrize(("requires", "files", "line", "launcher", "dashboard"), FOUND)
def test_what_is_found_is_proposed_and_becomes_a_launcher(project, requires, files, line, launcher, dashboard) -> None:
    (project / "cli.py").unlink()
    made(project, requires, **files)
    assert recognized(project) == [line]
    with pytest.raises(BuildError, match="The bundle would have no command") as refused:
        require_commands(default_profile(project), project)
    assert f'--run "{line}"' in refused.value.advice
    profile = with_runs(default_profile(project), [line], project, "some-app")
    assert (profile.application.launchers, profile.application.dashboard) == ((launcher,), dashboard)
    assert profile.application.offline_commands == (() if dashboard else (("some-app", "--help"),))
    written = project / "written.toml"
    written.write_text(write_profile(project, stated_by(project)))
    assert load_profile(written, project).application == profile.application
    assert ("runserver" in written.read_text()) == ("manage" in files)


def test_nothing_is_found_in_a_project_that_uses_none(project: Path) -> None:
    assert recognized(made(project, "['requests']", app=STREAMLIT, main=FASTAPI, manage=MANAGE)) == []
    with pytest.raises(BuildError, match="no command") as refused:
        require_commands(default_profile(project), project)
    assert '--run "COMMAND"' in refused.value.advice


def test_a_script_that_starts_something_is_proposed_where_nothing_else_is_known(project: Path) -> None:
    (project / "cli.py").unlink()
    start = "if __name__ == '__main__':\n    print('hi')\n"
    for name in ("a-tool.py", "test_it.py", "conftest.py"):
        (project / name).write_text(start)
    (project / "library.py").write_text("VALUE = 1\n")
    assert proposed(project) == ["python a-tool.py"]
    (project / "main.py").write_text(start)
    assert proposed(project) == ["python main.py"]
    with pytest.raises(BuildError, match="no command") as refused:
        require_commands(default_profile(project), project)
    assert '--run "python main.py"' in refused.value.advice
    assert with_runs(default_profile(project), ["python main.py"], project, "some-app").application.commands


LINES = [
    ("uv run python ./cli.py --fast", Launcher("some-app", "script", "cli.py", ("--fast",), "app")),
    ("python3.12 -m some.tool 'a b'", Launcher("some-app", "module", "some.tool", ("a b",), "app")),
    ("cli.py", Launcher("some-app", "script", "cli.py", (), "app")),
    ("flask --app web run", Launcher("some-app", "module", "flask", ("--app", "web", "run"), "app")),
]


@pytest.mark.parametrize(("line", "launcher"), LINES)
def test_a_command_line_becomes_a_launcher(project: Path, line: str, launcher: Launcher) -> None:
    assert with_runs(default_profile(project), [line], project, "some-app").application.launchers == (launcher,)


def test_a_script_of_the_project_gets_arguments_and_names_stay_apart(project: Path) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('[project.scripts]\nsome-app = "some_app:main"\n')
    found = with_runs(default_profile(project), ["some-app serve", "python cli.py"], project, "some-app").application
    assert found.launchers[1:] == (
        Launcher("some-app-some-app", "entry", "some_app:main", ("serve",)),
        Launcher("some-app-python", "script", "cli.py", (), "app"),
    )
    assert found.offline_commands == tuple((name, "--help") for name in found.commands)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "is not a command that a launcher can run"),
        ("python", "is not a command that a launcher can run"),
        ("python -c 'print()'", "is not a command that a launcher can run"),
        ("./start.sh && rm x", "is not a command that a launcher can run"),
        ("streamlit run 'gone.py", "is not a command that a launcher can run"),
        ("streamlit run gone.py", "gone.py is not a file in"),
        ("python gone.py", "gone.py is not a file in"),
        ("python ../cli.py", "--run: "),
        ("python -m a/b", "--run.target: not a valid target for a launcher of kind module"),
    ],
)
def test_what_no_launcher_can_run_is_refused(project: Path, line: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        with_runs(default_profile(project), [line], project, "some-app")
    assert said in refused.value.what
    assert refused.value.advice
