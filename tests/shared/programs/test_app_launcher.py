from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from bundle.product.application import Application, Launcher
from bundle.product.environment import Environment
from installer.layout.prefix import Prefix
from installer.logs import runlog
from installer.release import launchers
from installer.release.installation import Installation
from shared.programs import app_launcher
from tests.bundles import make_manifest

APPLICATION = Application(
    launchers=(
        Launcher("here", "script", "cli.py", ("--first",)),
        Launcher("inside", "script", "cli.py", cwd="app"),
        Launcher("module", "module", "shown"),
        Launcher("entry", "entry", "shown:Show.main"),
        Launcher("data", "script", "cli.py", cwd="data"),
        Launcher("program", "program", "ask.py", program="import sys, shown\nsys.exit(shown.Show.main())\n"),
    ),
    environment=Environment({"KEY": "x", "OTHER": "y"}, ("KEY",), {"MODEL": "{models}/m", "DATA": "{data}:{prefix}"}),
)
SHOW = """
import json, os, sys
class Show:
    @staticmethod
    def main():
        print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]))
        return int(os.environ.get("CODE", "0"))
if __name__ == "__main__":
    sys.exit(Show.main())
"""


@pytest.fixture
def prefix(tmp_path) -> Prefix:
    """Give a prefix with a Korean name and spaces, whose release has this interpreter for its own."""
    prefix = Prefix(tmp_path / "설치 폴더")
    prefix.make()
    release = prefix.release(f"1-{'a' * 12}-r1")
    (release.venv / "bin").mkdir(parents=True)
    (release.venv / "bin/python").symlink_to(sys.executable)
    release.app.mkdir()
    prefix.data.mkdir(exist_ok=True)
    (release.app / "shown.py").write_text(SHOW)
    (release.app / "cli.py").write_text("import sys, shown\nsys.exit(shown.Show.main())\n")
    manifest = make_manifest(application=APPLICATION)
    launchers.write_run_files(Installation(prefix, release, manifest))
    launchers.write(prefix, manifest)
    release.complete_file.touch()
    prefix.set_current(release)
    return prefix


def show(prefix: Prefix, name: str, *arguments: str, cwd=None, **env: str):
    path = prefix.bin / name if "/" not in name else name
    done = subprocess.run(
        [path, *arguments],
        env={"PATH": os.environ["PATH"], **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == int(env.get("CODE", "0")), done.stderr
    return json.loads(done.stdout)


def test_arguments_pass_as_they_are(prefix) -> None:
    odd = ["a b", "'", '"', "한글", "$HOME", "", "-x", "*", "a\\b", "line\nbreak"]
    assert show(prefix, "inside", *odd)[0] == odd
    assert show(prefix, "here", *odd)[0] == ["--first", *odd]


@pytest.mark.parametrize("name", ["here", "inside", "module", "entry"])
def test_kinds_exit_codes_and_folders(prefix, tmp_path, name) -> None:
    arguments, folder, _env = show(prefix, name, "x", cwd=tmp_path, CODE="7")
    assert arguments[-1] == "x"
    assert folder == str(prefix.current.resolve() / "app" if name == "inside" else tmp_path)


def test_through_a_link_from_elsewhere(prefix, tmp_path) -> None:
    (tmp_path / "one").symlink_to(prefix.bin / "here")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/two").symlink_to("../one")
    assert show(prefix, str(tmp_path / "sub/two"), cwd="/")[1] == "/"
    assert show(prefix, "./two", cwd=tmp_path / "sub")[1] == str(tmp_path / "sub")


def test_settings(prefix) -> None:
    prefix.env_file.write_text("KEY=from file\nLD_PRELOAD=/evil.so\nPATH=/evil\nOTHER='kept'\n")
    env = show(prefix, "here", PYTHONPATH="/evil", PYTHONSTARTUP="/evil", PYTHONUTF8="1", OTHER="mine")[2]
    assert (env["KEY"], env["OTHER"], env["PYTHONUTF8"]) == ("from file", "mine", "1")
    assert "LD_PRELOAD" not in env
    assert "PYTHONSTARTUP" not in env
    release = prefix.active().path
    assert env["PATH"].split(":")[0] == str(release / "venv/bin")
    assert "/evil" not in env["PATH"] + env["PYTHONPATH"]
    assert env["MODEL"] == str(release / "models/m")
    assert env["DATA"] == f"{prefix.data}:{prefix.root}"
    assert env["PYTHONDONTWRITEBYTECODE"] == env["PYTHONNOUSERSITE"] == "1"


def test_settings_that_cannot_be_read(prefix) -> None:
    prefix.env_file.write_bytes(b"KEY=\xff\n")
    done = subprocess.run([prefix.bin / "here"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr.startswith(str(prefix.env_file))
    assert "Traceback" not in done.stderr


def test_nothing_is_active(prefix) -> None:
    prefix.current.unlink()
    done = subprocess.run([prefix.bin / "here"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, f"here: no release is active in {prefix.root}\n")


# what python-dotenv 1.2.4 makes of each, but for ${NAME}, which it replaces
@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("KEY=a", {"KEY": "a"}),
        (" export KEY = a b ", {"KEY": "a b"}),
        ("export\tKEY=a", {"KEY": "a"}),
        ("KEY='a # b' # c", {"KEY": "a # b"}),
        ("KEY='a'#c", {"KEY": "a"}),
        ('KEY=\t"a"\t# c', {"KEY": "a"}),
        ("KEY=''", {"KEY": ""}),
        ("KEY=a 'b'", {"KEY": "a 'b'"}),
        ("KEY=a#b # c", {"KEY": "a#b"}),
        ("KEY=#a", {"KEY": "#a"}),
        ("KEY= # fill this in", {"KEY": ""}),
        ("KEY=", {"KEY": ""}),
        ("KEY=a=b", {"KEY": "a=b"}),
        ("KEY=a\\nb", {"KEY": "a\\nb"}),
        ('KEY="a\\n\\"b\\"\\\\ \\q"', {"KEY": 'a\n"b"\\ \\q'}),
        ("KEY='a\\'b\\\\ \\n'", {"KEY": "a'b\\ \\n"}),
        ('KEY="a\nb"\nOTHER=c', {"KEY": "a\nb", "OTHER": "c"}),
        ("KEY=a\vb\u2028c", {"KEY": "a\vb\u2028c"}),
        ("KEY=한글 값 # 주석", {"KEY": "한글 값"}),
        ("KEY=1\r\nKEY=2\r\n", {"KEY": "2"}),
        ("KEY=1\rKEY=2", {"KEY": "2"}),
        ("#KEY=a\n\n  # KEY=b", {}),
    ],
)
def test_lines_of_an_env_file(text, settings) -> None:
    lines, wrong = app_launcher.read_env(text)
    assert ({name: value for _line, name, value in lines}, wrong) == (settings, [])


@pytest.mark.parametrize(
    "line", ["KEY a", "KEY", "KEY='half", 'KEY="a" b', "set KEY=a", '$env:KEY = "a"', "KEY: a", "1KEY=a", "KEY-X=a"]
)
def test_a_line_that_sets_nothing_is_counted_and_the_next_one_is_read(line) -> None:
    assert app_launcher.read_env(f'KEY="1\n2"\n{line}\nOTHER=b') == ([(1, "KEY", "1\n2"), (4, "OTHER", "b")], [3])


@pytest.mark.parametrize("text", ['KEY="' + "\\a" * 50_000, "KEY='" + "x" * 100_000 + "\n" * 5, "=" * 100_000])
def test_a_quote_that_is_never_closed_is_soon_given_up(text) -> None:
    assert app_launcher.read_env(text)[1] == [1]


def test_an_empty_path_does_not_mean_the_working_folder() -> None:
    run = APPLICATION.to_json()
    env = app_launcher.environment("/p/releases/r", run, {"PATH": ""}, {})
    assert "" not in env["PATH"].split(os.pathsep)


def test_launchers_of_ours_are_pruned_and_those_of_others_stay(prefix) -> None:
    (prefix.bin / "mine").write_text("#!/bin/sh\n")
    fewer = make_manifest(application=Application(APPLICATION.launchers[:1]))
    launchers.prune(prefix, fewer)
    assert sorted(path.name for path in prefix.bin.iterdir()) == ["here", "mine", "ragtrace-offline"]
    launchers.prune(prefix, None)
    assert [path.name for path in prefix.bin.iterdir()] == ["mine"]


def test_a_nul_in_the_settings_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        app_launcher.read_env("KEY=a\0b\n")


ORDER = {
    "defaults": {"LEVEL": "default", "PLACE": "{models}/m"},
    "values": {"FIXED": "value"},
    "template": {"LEVEL": "x", "FIXED": "x", "OTHER": "x"},
    "also": ["MORE"],
    "required": [],
}


@pytest.mark.parametrize(
    ("settings", "caller", "level", "fixed"),
    [
        ({}, {}, "default", "value"),
        ({"LEVEL": "file", "FIXED": "file"}, {}, "file", "value"),
        ({"LEVEL": ""}, {}, "", "value"),
        ({"LEVEL": "file"}, {"LEVEL": "caller", "FIXED": "caller"}, "caller", "value"),
        ({"LEVEL": "file"}, {"LEVEL": ""}, "", "value"),
    ],
)
def test_which_setting_of_a_name_holds(settings, caller, level, fixed) -> None:
    run = {**APPLICATION.to_json(), "environment": ORDER}
    env = app_launcher.environment("/p/releases/r", run, {"PATH": "/bin", **caller}, settings)
    assert (env["LEVEL"], env["FIXED"]) == (level, fixed)
    assert env["PLACE"] == os.path.join("/p/releases/r", "models") + "/m"


def test_the_names_of_the_profile_are_loaded_and_an_older_release_has_only_its_template() -> None:
    assert app_launcher.loaded({"environment": ORDER}) == ["LEVEL", "FIXED", "OTHER", "MORE", "PLACE"]
    assert app_launcher.loaded(APPLICATION.to_json()) == ["KEY", "OTHER"]


def test_further_names_and_defaults_reach_the_application(prefix) -> None:
    more = replace(APPLICATION.environment, also=("EXTRA",), defaults={"LEVEL": "low", "CACHE": "{data}/cache"})
    manifest = make_manifest(application=replace(APPLICATION, environment=more))
    launchers.write_run_files(Installation(prefix, prefix.active(), manifest))
    prefix.env_file.write_text("EXTRA=from file\nCACHE=/elsewhere\nUNKNOWN=1\n")
    env = show(prefix, "here", LEVEL="high")[2]
    assert (env["EXTRA"], env["CACHE"], env["LEVEL"]) == ("from file", "/elsewhere", "high")
    assert "UNKNOWN" not in env
    prefix.env_file.unlink()
    env = show(prefix, "here")[2]
    assert (env["CACHE"], env["LEVEL"]) == (f"{prefix.data}/cache", "low")


@pytest.mark.parametrize("text", [None, "", "KEY=\n", "# KEY=a\n", "KEYS=a\n"])
def test_a_required_setting_that_nobody_makes_is_told_and_the_application_starts_all_the_same(prefix, text) -> None:
    if text is not None:
        prefix.env_file.write_text(text)
    done = subprocess.run([prefix.bin / "here"], env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr.decode() == f"here: KEY is not set; add it to {prefix.env_file}\n"
    env = {"PATH": os.environ["PATH"], "KEY": "a"}
    assert subprocess.run([prefix.bin / "here"], env=env, capture_output=True, check=False).stderr == b""


def test_in_the_users_data_files_of_the_callers_folder_are_found(prefix, tmp_path) -> None:
    for name in ("mine.json", "list-all", "-x.y"):
        (tmp_path / name).write_text("")
    given = ["list-all", "mine.json", "./list-all", "new.json", "-x.y", ".", "data/mine.json"]
    arguments, folder, _env = show(prefix, "data", *given, cwd=tmp_path)
    mine, listed, option = (str(tmp_path / name) for name in ("mine.json", "list-all", "-x.y"))
    assert arguments == ["list-all", mine, listed, "new.json", option, ".", "data/mine.json"]
    assert folder == str(prefix.data)


def test_a_program_is_no_command_and_runs_all_the_same(prefix, tmp_path) -> None:
    assert not (prefix.bin / "program").exists()
    argv = launchers.argv(prefix, make_manifest(application=APPLICATION), "program", ["a", "b"])
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    arguments, folder, _env = json.loads(done.stdout)
    assert (arguments, folder) == (["a", "b"], str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "long"])
def test_settings_that_are_no_file_of_settings_are_told_and_hang_nothing(tmp_path, kind) -> None:
    path = tmp_path / ".env"
    make = {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "folder": path.mkdir,
        "long": lambda: path.write_bytes(b"A=1\n" * (app_launcher.ENV_LIMIT // 4 + 1)),
    }
    make[kind]()
    with pytest.raises(OSError, match="too large" if kind == "long" else "not a regular file"):
        app_launcher.text_of(str(tmp_path))
    assert runlog.secrets_of(path) == []
