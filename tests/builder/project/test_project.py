"""What pyproject.toml says of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builder.project.project import Project, read_project
from shared.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_reads_name_version_and_python(tmp_path: Path) -> None:
    text = '[project]\nname = "Some_App"\nversion = "1.0.0-rc1"\nrequires-python = ">=3.11"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert read_project(tmp_path) == Project("some-app", "1.0.0rc1", ">=3.11")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tool.x]\nname = "a"', "no project table"),
        ('[project]\nname = "a"', r"no project\.version"),
        ('[project]\nversion = "1"', r"no project\.name"),
        ('[project]\nname = "a"\nversion = "one"', "one"),
        ('[project]\nname = "a b"\nversion = "1"', "a b"),
        ('[project]\nname = "a"\nversion = "1"\nrequires-python = "new"', "new"),
        ("[project", "cannot be read"),
    ],
)
def test_refuses_with_advice(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=said) as refused:
        read_project(tmp_path)
    assert refused.value.advice


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no pyproject\.toml") as refused:
        read_project(tmp_path)
    assert "--project-root" in refused.value.advice


def test_a_dynamic_version_is_what_the_build_will_say(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\ndynamic = ["version"]')
    assert read_project(tmp_path).version == ""
