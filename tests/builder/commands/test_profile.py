"""``profile init`` and ``profile check``: what they write, show and refuse, and what a build does with it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import tomllib

from builder import cli
from builder.project.default_profile import default_profile
from builder.project.profile import load_profile
from bundle.manifest import parse_manifest
from tests.builder.small_project import _quick, build, made  # noqa: F401 - the stand-in for the zipapp

if TYPE_CHECKING:
    from pathlib import Path


def profile(project: Path, action: str, *more: str) -> int:
    return cli.main(["profile", action, "--project-root", str(project), *more])


def test_the_written_profile_changes_nothing_and_is_not_overwritten(project: Path, capsys) -> None:
    stated = default_profile(project)
    assert profile(project, "init") == 0
    path = project / "ragtrace-profile.toml"
    written = load_profile(path, project)
    assert (written.title, written.application) == (stated.title, stated.application)
    assert (written.include, written.exclude, written.allow_secrets) == ((), (), ())
    assert "#   small = small_app:main" in path.read_text()
    assert profile(project, "init") == 2
    assert "already exists and is not overwritten" in capsys.readouterr().err
    assert profile(project, "init", "--output", str(project / "other.toml")) == 0
    assert (project / "other.toml").read_bytes() == path.read_bytes()


def test_every_line_in_comments_is_valid_where_it_is(project: Path) -> None:
    profile(project, "init")
    path = project / "ragtrace-profile.toml"
    lines = [re.sub(r"^# (?=\[|[a-z_]+ = )", "", line) for line in path.read_text().splitlines()]
    text = "\n".join(lines).replace("without_scripts", "# without_scripts")
    assert tomllib.loads(text).keys() > {"core_imports", "persist", "smoke", "launchers", "environment", "dashboard"}
    path.write_text(text.replace('template = ".env.example"', 'template = ""\nalso = ["API_KEY"]'))
    loaded = load_profile(path, project)
    assert loaded.application.commands == ("NAME", "small")


def test_a_script_and_a_folder_without_a_project_table_have_profiles_too(tmp_path: Path, capsys) -> None:
    script, lock = tmp_path / "say_hi.py", tmp_path / "pylock.toml"
    script.write_text("")
    assert profile(tmp_path, "init", "--script", str(script)) == 0
    path = tmp_path / "ragtrace-profile.toml"
    text = path.read_text()
    assert 'name = "say_hi"' in text
    assert '# version = "1.0"' in text
    assert profile(tmp_path, "check", "--script", str(script)) == 0
    assert "Command say-hi: script say_hi.py" in capsys.readouterr().out
    path.unlink()
    lock.write_text('lock-version = "1.0"\ncreated-by = "hand"\npackages = []\n')
    assert profile(tmp_path, "init") == 0
    path.write_text(path.read_text() + '[[launchers]]\nname = "hi"\nkind = "script"\ntarget = "say_hi.py"\n')
    assert profile(tmp_path, "check") == 0
    lock.unlink()
    assert profile(tmp_path, "check") == 2
    assert "has no pyproject.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        (("main.py",), {"small-app": "main.py"}),
        (("main.py", "run_all.py"), {"small-app-main": "main.py", "small-app-run-all": "run_all.py"}),
    ],
)
def test_scripts_become_commands_of_a_project_that_has_none(project: Path, files, commands, capsys) -> None:
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().partition("[project.scripts]")[0])
    assert profile(project, "check") == 7
    assert "The bundle would have no command" in capsys.readouterr().err
    for name in files:
        (project / name).write_text("if __name__ == '__main__':\n    print()\n")
    assert profile(project, "init") == 0
    application = load_profile(project / "ragtrace-profile.toml", project).application
    assert {launcher.name: launcher.target for launcher in application.launchers} == commands
    assert profile(project, "check") == 0


def test_a_project_without_any_command_is_refused_until_it_says_why(project: Path, key: Path, tmp_path, capsys) -> None:
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().partition("[project.scripts]")[0])
    for more in ((), ("--dry-run",)):
        assert build(project, key, tmp_path / "out", *more) == 7
        assert "builder profile init" in capsys.readouterr().err
    assert profile(project, "init") == 0
    path = project / "ragtrace-profile.toml"
    assert '# no_commands = "…"' in path.read_text()
    path.write_text(path.read_text().replace('# no_commands = "…"', 'no_commands = "only data"'))
    capsys.readouterr()
    assert profile(project, "check") == 0
    assert "No command: only data\n" in capsys.readouterr().out
    assert build(project, key, tmp_path / "out") == 0


def test_check_shows_what_a_profile_does(project: Path, capsys) -> None:
    (project / "ragtrace-profile.toml").write_text('[source]\nexclude = ["uv.lock"]\n')
    (project / ".env").write_text("A=1\n")
    assert profile(project, "check", "--exclude", "*.txt") == 0
    out, err = capsys.readouterr()
    assert "Command small: entry small_app:main\n" in out
    assert re.search(r"^Files: 3, ", out, re.MULTILINE)
    assert out.endswith("The profile is valid.\n")
    assert "1 file is not included: .env: machine-specific settings." in err
    assert profile(project, "check", "--profile", "none") == 2
    (project / "ragtrace-profile.toml").write_text("colour = 1\n")
    assert profile(project, "check") == 2
    assert "colour: unknown key" in capsys.readouterr().err


def test_what_is_wrong_with_the_source_is_reported_at_once_before_anything_else(
    project: Path, key: Path, tmp_path: Path, capsys
) -> None:
    (project / "small_app" / "a:b.py").touch()
    (project / "small_app" / "key.pem").write_text("-----BEGIN RSA PRIVATE " + "KEY-----\n")
    (project / "tests").mkdir()
    (project / "tests" / "outside").symlink_to("/etc/hostname")
    for run in (
        lambda: profile(project, "check"),
        lambda: build(project, key, tmp_path / "out", "--dry-run"),
        lambda: build(project, key, tmp_path / "out"),
    ):
        assert run() == 7
        err = capsys.readouterr().err
        assert "a:b.py cannot be bundled" in err
        assert "key.pem, line 1 contains a secret" in err
        assert "source.allow_secrets" in err
    assert not (tmp_path / "cache").exists()
    options = ("--exclude", "small_app/a:b.py", "--exclude", "small_app/key.pem")
    assert build(project, key, tmp_path / "out", *options) == 0
    manifest = parse_manifest((made(tmp_path / "out") / "MANIFEST.json").read_bytes())
    assert {entry.inner for entry in manifest.of_kind("source")} >= {"pyproject.toml", "small_app/__init__.py"}
    assert not {"small_app/key.pem", "small_app/a:b.py", "tests/outside"} & {
        entry.inner for entry in manifest.of_kind("source")
    }


def test_links_and_long_names_are_in_the_bundle_and_what_is_excluded_is_not(
    project: Path, key: Path, tmp_path: Path
) -> None:
    (project / "data.txt").write_text("left out")
    (project / "link").symlink_to("한글.txt")
    long = "n" * 180
    (project / long).write_text("far")
    assert build(project, key, tmp_path / "out", "--exclude", "data.txt") == 0
    bundle = made(tmp_path / "out")
    manifest = json.loads((bundle / "MANIFEST.json").read_bytes())
    assert manifest["format"] == 2
    paths = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    assert paths["03_Source/link"] == paths["03_Source/한글.txt"]
    assert f"03_Source/{long}" in paths
    assert "03_Source/data.txt" not in paths
