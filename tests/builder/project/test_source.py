"""Which files of an application travel, and which are refused."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from builder.project.profile import Profile
from builder.sources import checkout as checkout_module
from builder.sources.checkout import commit_time, source_commit
from builder.sources.source import collect_source
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


def test_a_source_that_is_too_deep_is_left_out_by_name(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    place = tmp_path
    for _level in range(1200):
        place = place / "d"
        place.mkdir()
    (place / "x").touch()
    heard = Heard()
    assert [item.path_in_app for item in collect_source(tmp_path, PLAIN, heard)] == ["main.py"]
    assert "d/x: nested in more than 63 folders" in heard.warnings[-1]
    files.remove_tree(tmp_path / "d")


def needing(**options: Any) -> Profile:
    """Return a profile whose application is the package app, in src."""
    return Profile("App", Application((), core_imports=("app",), import_paths=("src",)), **options)


@pytest.mark.parametrize("name", ["a:b.py", "con.txt", "x\u202ey.py", "trailing ", "a" * 241])
def test_names_that_some_host_cannot_hold_are_left_out_unless_needed(tmp_path: Path, name: str) -> None:
    write(tmp_path, "cli.py")
    write(tmp_path, f"tests/{name}")
    heard = Heard()
    assert paths(tmp_path, heard=heard) == ["cli.py"]
    assert heard.warnings[-1].startswith(f"1 file is not included: tests/{name}: ")
    with pytest.raises(BuildError, match="cannot be bundled: "):
        paths(tmp_path, Profile("App", Application(()), include=("cli.py", "tests")))
    write(tmp_path, f"src/app/{name}")
    with pytest.raises(BuildError, match="cannot be bundled: "):
        paths(tmp_path, needing())
    assert paths(tmp_path, needing(exclude=(f"src/app/{name}",))) == ["cli.py"]


def test_long_names_travel(tmp_path: Path) -> None:
    write(tmp_path, f"{'folder/' * 40}{'n' * 240}")
    assert len(paths(tmp_path)) == 1


def test_names_that_collide_are_left_out_unless_needed(tmp_path: Path) -> None:
    for name in ("cli.py", "tests/Data.json", "tests/data.json", "Docs/a", "docs/b", "docs/c"):
        write(tmp_path, name)
    for form in ("NFC", "NFD"):
        write(tmp_path, unicodedata.normalize(form, "tests/한글.txt"))
    heard = Heard()
    assert paths(tmp_path, heard=heard) == ["cli.py"]
    assert heard.warnings[-1] == (
        "7 files are not included: Docs/a, docs/b, docs/c, tests/Data.json, tests/data.json, tests/한글.txt, "
        r"tests/한글.txt (\u1112\u1161\u11ab\u1100\u1173\u11af.txt): its name collides with another one on some hosts."
    )
    for name in ("src/app/One.py", "src/app/one.py", "src/App/two.py"):
        write(tmp_path, name)
    with pytest.raises(BuildError, match=r"src/app/One\.py and src/app/one\.py collide on some hosts"):
        paths(tmp_path, needing())


def test_what_is_needed_stays_where_its_name_collides(tmp_path: Path) -> None:
    write(tmp_path, "src/app/one.py")
    write(tmp_path, "src/App/two.py")
    assert paths(tmp_path, needing()) == ["src/app/one.py"]


@pytest.fixture
def linked(checkout: Path) -> Path:
    """The checkout with links of every kind."""
    write(checkout, "fresh.txt", "not tracked")
    for place, target in {
        "README.txt": "README.md",
        "src/chain": "../README.txt",
        "src/data": "../data",
        "data/outside.py": "../../outside.py",
        "data/system": "/etc/hostname",
        "data/absolute": str(checkout / "README.md"),
        "data/gone": "gone",
        "data/round": "round",
        "data/above": "..",
        "data/fresh": "../fresh.txt",
        "data/git": "../../.git/config",
    }.items():
        (checkout / place).symlink_to(target)
    git(checkout, "add", ".")
    git(checkout, "rm", "-q", "--cached", "fresh.txt")
    return checkout


def test_links_to_files_of_the_project_travel_as_their_bytes(linked: Path) -> None:
    heard = Heard()
    found = {item.path_in_app: item.file for item in collect_source(linked, PLAIN, heard)}
    assert found.keys() - {"README.md", "cli.py", "data/한글.json", "src/a/main.py", "src/b.py"} == {
        *("README.txt", "src/chain", "src/data/한글.json")
    }
    assert not any(file.is_symlink() for file in found.values())
    assert found["src/chain"] == linked / "README.md"
    outside = "a link that does not point to a project file"
    nested = "a link inside a linked folder that does not point to a project file"
    names = [f"data/{name}" for name in ("above", "absolute", "fresh", "git", "gone", "outside.py", "round", "system")]
    assert sorted(heard.warnings) == [
        "1 file is not included: data/above: a link to a folder that contains it.",
        f"7 files are not included: {', '.join(names[1:])}: {outside}.",
        f"8 files are not included: {', '.join(f'src/{name}' for name in names)}: {nested}.",
    ]


def test_a_link_out_of_the_project_is_refused_where_it_is_needed(linked: Path) -> None:
    with pytest.raises(BuildError) as refused:
        paths(linked, Profile("App", Application(()), include=("data", "*.md")))
    assert len(refused.value.sentences) == 8
    assert "source.exclude in the profile" in refused.value.advice
    assert paths(linked, Profile("App", Application(()), include=("data",), exclude=("data/[!한]*",))) == [
        "data/한글.json"
    ]


def test_what_is_marked_export_ignore_does_not_travel_unless_included(checkout: Path) -> None:
    write(checkout, ".gitattributes", "/data export-ignore\n*.md export-ignore\nsrc/a/ export-ignore\n")
    git(checkout, "add", ".")
    assert paths(checkout) == [".gitattributes", "cli.py", "src/b.py"]
    assert paths(checkout, Profile("App", Application(()), include=("cli.py", "data"))) == ["cli.py", "data/한글.json"]


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


def test_secrets_that_are_needed_are_refused_with_the_line_unless_allowed(checkout: Path) -> None:
    write(checkout, "cli.py", "# one\n# two\n" + "-----BEGIN RSA PRIVATE " + "KEY-----\n")
    application = Application((Launcher("cli", "script", "cli.py"),))
    with pytest.raises(BuildError, match=r"cli\.py, line 3 contains a secret \(a private key\)"):
        paths(checkout, Profile("App", application))
    assert "cli.py" in paths(checkout, Profile("App", application, allow_secrets=("cli.py",)))


def test_secrets_that_are_not_needed_never_travel_and_are_reported(checkout: Path) -> None:
    write(checkout, "tests/key.pem", "-----BEGIN RSA PRIVATE " + "KEY-----\n")
    git(checkout, "add", ".")
    heard = Heard()
    assert "tests/key.pem" not in paths(checkout, heard=heard)
    assert heard.warnings == ["1 file is not included: tests/key.pem: contains a secret (a private key)."]
    with pytest.raises(BuildError, match="contains a secret"):
        paths(checkout, Profile("App", Application(()), include=("tests",)))


def test_env_files_never_travel_unless_the_profile_names_them(checkout: Path) -> None:
    for name in (".env", "src/.env.local", "deploy/prod.env", ".env.example"):
        write(checkout, name, "A=1")
    (checkout / "settings").symlink_to(".env")
    git(checkout, "add", ".")
    heard = Heard()
    assert {name for name in paths(checkout, heard=heard) if "env" in name or name == "settings"} == {".env.example"}
    assert heard.warnings == [
        "4 files are not included: .env, deploy/prod.env, settings, src/.env.local: machine-specific settings."
    ]
    for options in ({"include": (".env", "cli.py")}, {"allow_secrets": (".env",)}):
        assert ".env" in paths(checkout, Profile("App", Application(()), **options))
    assert ".env" not in paths(checkout, Profile("App", Application(()), include=(".e*", "cli.py")))


def test_everything_that_is_wrong_is_reported_together(checkout: Path) -> None:
    write(checkout, "src/app/a:b.py")
    write(checkout, "src/app/key.pem", "-----BEGIN RSA PRIVATE " + "KEY-----\n")
    write(checkout, "tests/con")
    git(checkout, "add", ".")
    (checkout / "README.md").unlink()
    heard = Heard()
    with pytest.raises(BuildError) as refused:
        collect_source(checkout, needing(), heard)
    assert [sentence.split("/")[-1].split(" ")[0].strip(",") for sentence in refused.value.sentences] == [
        *("README.md", "a:b.py", "key.pem")
    ]
    assert heard.warnings == ["1 file is not included: tests/con: con is a reserved name on Windows."]


def test_a_path_that_is_too_long_for_windows_is_refused_for_it_alone(tmp_path: Path) -> None:
    write(tmp_path, "long/" * 40 + "name.txt")
    assert paths(tmp_path)
    with pytest.raises(BuildError, match="too long for Windows"):
        collect_source(tmp_path, PLAIN, Heard(), windows=True)


def test_a_long_refusal_is_cut(tmp_path: Path) -> None:
    for number in range(60):
        write(tmp_path, f"src/app/{number:02}:")
    with pytest.raises(BuildError) as refused:
        paths(tmp_path, needing())
    assert len(refused.value.sentences) == 51
    assert refused.value.sentences[-1] == "10 more problems."
