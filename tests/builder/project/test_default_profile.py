"""What stands in for a profile where a project has none: what pyproject.toml and the folders say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from builder.fetch.cache import Cache
from builder.project.default_profile import default_profile
from builder.request.reading import read_profile
from builder.request.request import Request
from bundle.product.application import Launcher
from shared.errors import UsageError
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path


class Told(NoProgress):
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_a_project_without_a_profile(project: Path) -> None:
    (project / "src" / "some_app").mkdir(parents=True)
    (project / "src" / "some_app" / "__init__.py").write_text("")
    with (project / "pyproject.toml").open("a") as file:
        file.write(
            '[project.scripts]\nsome = "some_app.cli:main [extra]"\n[project.gui-scripts]\nshow = "some_app:gui"\n'
        )
    profile = default_profile(project)
    assert profile.title == "Some_App"
    assert profile.application.launchers == (
        Launcher("some", "entry", "some_app.cli:main"),
        Launcher("show", "entry", "some_app:gui"),
    )
    assert profile.application.import_paths == ("src",)
    assert profile.application.core_imports == ("some_app",)
    assert profile.application.environment.template == {"API_KEY": "placeholder", "LEVEL": "info"}
    assert profile.application.environment.required == ()


def test_a_flat_project_without_commands_runs_with_m(project: Path) -> None:
    for name in ("some_app", "tests"):
        (project / name).mkdir()
        (project / name / "__init__.py").write_text("")
        (project / name / "__main__.py").write_text("")
    (project / ".env.example").unlink()
    profile = default_profile(project)
    assert profile.application.launchers == (Launcher("some-app", "module", "some_app"),)
    assert profile.application.import_paths == (".",)
    assert profile.application.core_imports == ("some_app",)
    assert profile.application.environment.template == {}


def test_a_src_that_is_a_package_is_imported_from_above(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src" / "__init__.py").write_text("")
    with (project / "pyproject.toml").open("a") as file:
        file.write('[project.scripts]\nsome = "src.main:run"\n')
    application = default_profile(project).application
    assert (application.import_paths, application.core_imports) == ((".",), ("src",))


def test_a_script_with_a_name_of_the_shell_gets_the_project_s_before_it(project: Path) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('[project.scripts]\nsome = "some:main"\ntest = "some:test"\nPython = "some:repl"\n')
    profile = default_profile(project)
    assert [launcher.name for launcher in profile.application.launchers] == ["some", "some-app-test", "some-app-Python"]
    test, python = profile.notes
    assert test.startswith("pyproject.toml: project.scripts.test: test is a shell builtin or keyword (sh)")
    assert "The launcher will be some-app-test" in test
    assert "project.scripts.Python: Python is a program" in python


@pytest.mark.parametrize(
    ("scripts", "said"),
    [
        ('ragtrace-install = "a:b"', "project.scripts.ragtrace-install: ragtrace-offline-ragtrace-install is reserved"),
        ('one = "a:b"\nOne = "a:c"', "project.scripts.One: on a host that ignores case"),
        ('test = "a:b"\nTest = "a:c"', "project.scripts.Test: on a host that ignores case"),
    ],
)
def test_scripts_that_only_a_profile_can_name(project: Path, scripts: str, said: str) -> None:
    text = (project / "pyproject.toml").read_text()
    name = "ragtrace-offline" if "ragtrace" in scripts else "Some_App"
    (project / "pyproject.toml").write_text(text.replace("Some_App", name) + f"[project.scripts]\n{scripts}\n")
    with pytest.raises(UsageError, match=re.escape(f"pyproject.toml: {said}")) as refused:
        default_profile(project)
    assert refused.value.advice == "Add a launcher with another name and the same target to ragtrace-profile.toml."


def test_what_is_changed_is_told_in_a_build_and_in_its_plan(project: Path) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('[project.scripts]\ntime = "some:main"\n')
    reported = Told()
    request = Request(project, project / "out", (), (), Cache(project / "cache"))
    profile = read_profile(request, reported)
    assert reported.warnings == list(profile.notes) != []
