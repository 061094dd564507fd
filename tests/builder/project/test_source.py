"""Which files of an application travel, and which are refused."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from typing import TYPE_CHECKING

import pytest

from builder.project import checkout as checkout_module
from builder.project.checkout import commit_time, source_commit
from builder.project.profile import Profile
from builder.project.source import collect_source
from bundle.product.application import Application, Launcher
from shared.errors import BuildError, ToolError
from shared.files import files
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Profile("App", Application(()))


class Heard(NoProgress):
    """Keeps what was warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false"]
    env = {**os.environ, "GIT_COMMITTER_DATE": "1700000000 +0900"}
    subprocess.run(["git", *identity, *arguments], cwd=folder, env=env, check=True, capture_output=True)


def put(folder: Path, **files: str) -> None:
    for name, content in files.items():
        write(folder, name.replace("__", "/") + ".py", content)


def write(folder: Path, name: str, content: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with an application in a subfolder."""
    git(tmp_path, "init", "-q")
    app = tmp_path / "app"
    put(app, cli="print()", src__a__main="", src__b="")
    write(app, "README.md", "text")
    write(app, "data/한글.json", "{}")
    write(tmp_path, "outside.py")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return app


def paths(folder: Path, profile: Profile = PLAIN, heard: Heard | None = None) -> list[str]:
    return [item.path_in_app for item in collect_source(folder, profile, heard or Heard())]


def test_takes_what_git_tracks_below_the_project(checkout: Path) -> None:
    write(checkout, "untracked.py")
    heard = Heard()
    assert paths(checkout, heard=heard) == ["README.md", "cli.py", "data/한글.json", "src/a/main.py", "src/b.py"]
    assert heard.warnings == []
    assert all(item.file.is_file() for item in collect_source(checkout, PLAIN, heard))


def test_include_and_exclude_choose(checkout: Path) -> None:
    assert paths(checkout, Profile("App", Application(()), include=("src", "*.md"))) == [
        *("README.md", "src/a/main.py", "src/b.py")
    ]
    assert paths(checkout, Profile("App", Application(()), include=("src/",), exclude=("src/a",))) == ["src/b.py"]


def test_a_pattern_that_chooses_nothing_is_said(checkout: Path) -> None:
    heard = Heard()
    paths(checkout, Profile("App", Application(()), include=("cli.py", "docs")), heard)
    assert len(heard.warnings) == 1
    assert "docs" in heard.warnings[0]


def test_a_repository_that_calls_us_does_not_mislead(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert "cli.py" in paths(checkout)


def test_a_folder_without_git_is_taken_but_for_rubbish(tmp_path: Path) -> None:
    put(tmp_path, cli="", src__a="")
    for rubbish in (".venv/bin/x", "src/__pycache__/a.cpython-311.pyc", "a.pyc", "x.egg-info/y", "packages/big.tar.gz"):
        write(tmp_path, rubbish)
    heard = Heard()
    found = collect_source(tmp_path, PLAIN, heard, leave_out=[tmp_path / "packages"])
    assert [item.path_in_app for item in found] == ["cli.py", "src/a.py"]
    assert "not a git checkout" in heard.warnings[0]
    assert (source_commit(tmp_path), commit_time(tmp_path)) == (None, None)


def test_commit_and_its_time(checkout: Path) -> None:
    commit = source_commit(checkout)
    assert commit is not None
    assert len(commit) == 40
    assert commit_time(checkout) == 1_700_000_000


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, "a.py")
    git(tmp_path, "add", ".")
    assert (source_commit(tmp_path), commit_time(tmp_path)) == (None, None)
    assert paths(tmp_path) == ["a.py"]


def test_a_broken_repository_is_not_a_plain_folder(checkout: Path) -> None:
    (checkout.parent / ".git" / "HEAD").write_text("broken")
    with pytest.raises(ToolError, match="git ls-files failed"):
        paths(checkout)


def test_a_folder_of_which_git_tracks_nothing(checkout: Path) -> None:
    write(checkout, "new/a.py")
    with pytest.raises(BuildError, match="git tracks no files in"):
        paths(checkout / "new")


def test_a_listing_that_was_cut_is_refused(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout_module, "OUTPUT_LIMIT", 10)
    with pytest.raises(BuildError, match="too many tracked files"):
        paths(checkout)


def test_names_are_normalised(tmp_path: Path) -> None:
    write(tmp_path, unicodedata.normalize("NFD", "한글.txt"))
    (found,) = collect_source(tmp_path, PLAIN, Heard())
    assert found.path_in_app == "한글.txt"
    assert found.file.name == unicodedata.normalize("NFD", "한글.txt")


def test_a_source_that_is_too_deep_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    place = tmp_path
    for _level in range(1200):
        place = place / "d"
        place.mkdir()
    (place / "x").touch()
    with pytest.raises(BuildError, match=r"d/x has a name that cannot be bundled: too long for a tar header"):
        collect_source(tmp_path, PLAIN, Heard())
    files.remove_tree(tmp_path / "d")


@pytest.mark.parametrize("name", ["a:b.py", "con.txt", "x\u202ey.py", "trailing ", "a" * 101])
def test_names_that_some_host_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    with pytest.raises(BuildError, match="name that cannot be bundled"):
        paths(tmp_path)


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "Data.json")
    write(tmp_path, "data.json")
    with pytest.raises(BuildError, match=r"Data\.json and data\.json"):
        paths(tmp_path)


def test_links_are_refused_but_not_when_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    with pytest.raises(BuildError, match="link is a link"):
        paths(tmp_path)
    assert paths(tmp_path, Profile("App", Application(()), exclude=("link",))) == ["a.py"]


def test_a_tracked_file_that_is_gone_is_named(checkout: Path) -> None:
    (checkout / "cli.py").unlink()
    with pytest.raises(BuildError, match=r"cli\.py is tracked by git but cannot be read"):
        paths(checkout)


def test_a_launcher_without_its_script_is_refused(checkout: Path) -> None:
    write(checkout, "tool.py")
    application = Application((Launcher("tool", "script", "tool.py"),))
    with pytest.raises(BuildError, match=r"tool\.py, which the launcher tool starts"):
        paths(checkout, Profile("App", application))


def test_a_profile_that_chooses_nothing_is_refused(checkout: Path) -> None:
    with pytest.raises(BuildError, match="The profile selects no file"):
        paths(checkout, Profile("App", Application(()), include=("docs",)))


def test_secrets_are_refused_with_the_line_unless_allowed(checkout: Path) -> None:
    write(checkout, "cli.py", "# one\n# two\n" + "-----BEGIN RSA PRIVATE " + "KEY-----\n")
    with pytest.raises(BuildError, match=r"cli\.py, line 3 contains a secret \(a private key\)"):
        paths(checkout)
    assert "cli.py" in paths(checkout, Profile("App", Application(()), allow_secrets=("cli.py",)))


def test_env_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ".env", "A=1")
    with pytest.raises(BuildError, match=r"\.env contains a secret"):
        paths(tmp_path)
