"""Two wheels that own one file are found at build time, and the refusal has the lines that decide it."""

from __future__ import annotations

import re
import subprocess

import pytest
import uv

from builder import cli
from builder.lock.lock import read_lock, select_wheels
from builder.lockfiles.uv_lock import UvLock
from builder.wheels.settling import Settling, name_of, refusal
from bundle.manifest import NAME, parse_manifest
from bundle.target import parse_target
from bundle.wheels.overlaps import environment_of
from shared.errors import BuildError
from shared.terminal.progress import NoProgress
from tests.builder.small_project import PROJECT, _quick  # noqa: F401 - the stand-in for the zipapp
from tests.wheels import make_wheel

OWNERS = ("one", "two")
SOURCES = "".join(f'{name} = {{ path = "wheels/{name}-1.0-py3-none-any.whl" }}\n' for name in OWNERS)
TARGETS = ("--target", "linux-x86_64", "--target", "windows-amd64", "--python", "3.11")
LINES = ["[wheels.conflicts]", '"bin/tool" = "one"', '"shared/" = "one"']


def wheel(name):
    files = {
        "shared/__init__.py": f"OWNER = '{name}'\n",
        "shared/deep/more.py": f"MORE = '{name}'\n",
        "shared/same.py": "",
        f"{name}_own.py": "def main(): pass\n",
    }
    scripts = f"[console_scripts]\ntool = {name}_own:main\nsame = shared:main\n"
    return make_wheel(name, "1.0", files, entry_points=scripts)


@pytest.fixture
def project(tmp_path):
    """A project that needs two wheels with different files of the same names."""
    root = tmp_path / "project"
    (root / "wheels").mkdir(parents=True)
    (root / "small_app.py").write_text("def main(): pass\n")
    for name in OWNERS:
        (root / f"wheels/{name}-1.0-py3-none-any.whl").write_bytes(wheel(name))
    head, scripts, rest = PROJECT.partition("[project.scripts]")
    text = f'{head}dependencies = ["one", "two"]\n{scripts}{rest}[tool.uv.sources]\n{SOURCES}'
    (root / "pyproject.toml").write_text(text)
    subprocess.run([uv.find_uv_bin(), "lock", "--offline", "--quiet", "--project", root], check=True)
    return root


def build(project, key, output, *more):
    """Build with the files of the project alone: nothing is fetched from elsewhere."""
    common = ["--project-root", project, "--output-dir", output, "--sign-key", key, "--cache-dir", output / "../cache"]
    return cli.main(["build", *map(str, common), *more])


def test_a_conflict_is_refused_with_the_lines_that_decide_it(project, key, tmp_path, capsys):
    assert build(project, key, tmp_path / "out", *TARGETS) == 7
    error, *lines, advice = capsys.readouterr().err.partition("error: ")[2].splitlines()
    assert error == (
        "one 1.0, two 1.0 install different files under 3 names: bin/tool, shared/__init__.py, shared/deep/more.py."
    )
    assert lines == LINES
    assert advice.startswith("  next: Remove one of the packages, or add the lines above to the profile")
    assert not list((tmp_path / "out").glob("*"))

    assert build(project, key, tmp_path / "out", *TARGETS, "--dry-run") == 7  # the cache has them now
    assert "error: one 1.0, two 1.0 install different files under 3 names" in capsys.readouterr().err

    profile = "\n".join(['name = "Small"', *lines, '"shared/deep/more.py" = "two"', '"gone.py" = "one"', ""])
    (project / "ragtrace-profile.toml").write_text(profile)
    assert build(project, key, tmp_path / "out", *TARGETS) == 0
    reported = capsys.readouterr().err
    assert "decides whose gone.py is installed (wheels.conflicts), but no wheels conflict over it" in reported
    assert "2 files are in more than one wheel, each with the same contents: shared/same.py, bin/same" in reported
    site = {"linux": "lib/python3.11/site-packages", "windows": "Lib/site-packages"}
    script = {"linux": "bin/tool", "windows": "Scripts/tool.exe"}
    for platform in ("linux", "windows"):
        (folder,) = (tmp_path / "out").glob(f"*-{platform}-*[0-9]")
        manifest = parse_manifest((folder / NAME).read_bytes())
        assert {conflict.path: conflict.winner for conflict in manifest.conflicts} == {
            f"{site[platform]}/shared/__init__.py": "one",
            f"{site[platform]}/shared/deep/more.py": "two",
            script[platform]: "one",
        }
        assert {conflict.packages for conflict in manifest.conflicts} == {OWNERS}


def settle(project, winners):
    target = parse_target("linux-x86_64", "3.11")
    wheels = select_wheels(read_lock(UvLock(project)), target).wheels
    paths = {wheel: project / "wheels" / wheel.filename for wheel in wheels}
    return Settling(winners, NoProgress()).settle(target, paths)


@pytest.mark.parametrize(
    ("winners", "reason"),
    [
        ({"bin/tool": "three", "shared/": "one"}, "names three for bin/tool, which is a file of one, two"),
        ({"bin/tool": "one", "shared": "one"}, "under 2 names: shared/__init__.py"),
    ],
    ids=["stranger", "folder-without-a-slash"],
)
def test_a_profile_that_decides_wrongly_is_refused(project, winners, reason):
    with pytest.raises(BuildError, match=reason):
        settle(project, winners)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ('"../evil" = "one"', r"wheels.conflicts.\.\./evil: .*'\.\.' part"),
        ('"/etc/passwd" = "one"', "not a relative path"),
        ('"bin/tool" = "One_1"', "not a normalized name"),
        ('"bin/tool" = 1', "not a string"),
    ],
)
def test_a_malformed_table_is_refused(project, key, tmp_path, capsys, table, reason):
    (project / "ragtrace-profile.toml").write_text(f'name = "Small"\n[wheels.conflicts]\n{table}\n')
    assert build(project, key, tmp_path / "out") == 2
    assert re.search(reason, capsys.readouterr().err)


def test_a_file_has_the_name_that_its_user_knows():
    linux, windows = environment_of("3.11", "linux"), environment_of("3.11", "windows")
    for path, environment, shown in (
        ("venv/lib/python3.11/site-packages/jwt/__init__.py", linux, "jwt/__init__.py"),
        ("venv/Lib/site-packages/tool.exe", windows, "tool.exe"),
        ("venv/bin/ddgs", linux, "bin/ddgs"),
        ("venv/Scripts/ddgs.exe", windows, "bin/ddgs"),
        ("venv/share/man/x", linux, "share/man/x"),
    ):
        assert name_of(path, environment) == shown


def test_files_of_one_folder_share_a_line(project):
    owners = tuple(select_wheels(read_lock(UvLock(project)), parse_target("linux-x86_64", "3.11")).wheels)
    paths = ("cv2/a/x.py", "cv2/a/y.py", "top.py")
    assert refusal(dict.fromkeys(paths, owners)).sentences[1:] == (
        "[wheels.conflicts]",
        '"cv2/a/" = "one"',
        '"top.py" = "one"',
    )
