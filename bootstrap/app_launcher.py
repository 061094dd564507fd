"""Start an installed application: the file ``launch.py`` of every release.

Standard library only: the release's own interpreter runs it, with nothing of ours to import.
``run.json`` beside it holds what the profile says (bootstrap/bundle/application.py); names of
PREFIX/.env that the env template lists are loaded, and variables of the caller win over them.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
QUOTED = re.compile(r"\s*(['\"])(.*?)\1\s*(?:#.*)?")
PLACE = re.compile(r"\{([a-z]+)\}")
FILE_LIKE = re.compile(r".*[./\\].*")  # so that no subcommand or option is taken for a file of its name
KEPT_PYTHON = ("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONUNBUFFERED", "PYTHONWARNINGS")
ENTRY = (
    "import sys,importlib;sys.path.pop(0);m,_,f=sys.argv.pop(1).partition(':');"
    "sys.argv[0]=sys.argv.pop(1);o=importlib.import_module(m)\n"
    "for part in f.split('.'): o=getattr(o,part)\n"
    "sys.exit(o())"
)
PROGRAM = "import sys;sys.path.pop(0);exec(compile(sys.argv.pop(1),sys.argv.pop(1),'exec'))"
MODULE = "import sys,runpy;sys.path.pop(0);runpy.run_module(sys.argv.pop(1),run_name='__main__',alter_sys=True)"


def read_env(text: str, names: dict[str, str]) -> dict[str, str]:
    """Return the settings of an .env text that are in ``names``; the last line of a name wins.

    Raises ValueError for a NUL, which no environment can hold.
    """
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    found: dict[str, str] = {}
    for line in text.splitlines():
        matched = LINE.fullmatch(line)
        if not matched or line.lstrip().startswith("#") or matched[1] not in names:
            continue
        quoted = QUOTED.fullmatch(matched[2])
        found[matched[1]] = quoted[2] if quoted else re.split(r"\s#", matched[2], maxsplit=1)[0].strip()
    return found


def places(release: str, data: str | None = None) -> dict[str, str]:
    """Return what ``{app}`` and its like stand for in the settings of a profile; ``data`` replaces the user's."""
    prefix = os.path.dirname(os.path.dirname(release))
    return {
        "app": os.path.join(release, "app"),
        "data": data or os.path.join(prefix, "data"),
        "models": os.path.join(release, "models"),
        "prefix": prefix,
        "venv": os.path.join(release, "venv"),
    }


def environment(
    release: str, run: dict[str, Any], caller: dict[str, str], settings: dict[str, str], data: str | None = None
) -> dict[str, str]:
    """Return the environment that the application gets.

    ``caller`` is the environment of whoever calls, ``settings`` what PREFIX/.env (or, in a smoke
    test, the template) says, ``data`` a folder to use in place of the user's.
    """
    where = places(release, data)
    scripts = os.path.join(where["venv"], "Scripts" if os.name == "nt" else "bin")
    kept = {
        name: value for name, value in caller.items() if not name.upper().startswith("PYTHON") or name in KEPT_PYTHON
    }
    result = {**settings, **kept}
    for name, text in run["environment"]["values"].items():
        result[name] = PLACE.sub(lambda matched: where[matched[1]], text)
    result["PATH"] = (
        scripts + os.pathsep + (caller.get("PATH") or os.defpath)
    )  # an empty one would mean the working folder
    result["VIRTUAL_ENV"] = where["venv"]
    result["PYTHONPATH"] = os.pathsep.join(
        os.path.normpath(os.path.join(where["app"], path)) for path in run["import_paths"]
    )
    result["PYTHONNOUSERSITE"] = "1"
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    return result


def command(
    release: str, run: dict[str, Any], name: str, arguments: list[str], data: str | None = None
) -> tuple[list[str], str | None]:
    """Return the argv of a launcher, and the folder to start in (None: the caller's); ``data`` replaces the user's."""
    launcher = next(item for item in run["launchers"] if item["name"] == name)
    where = places(release, data)
    app = where["app"]
    python = os.path.join(release, "venv", *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    start = {
        "script": [os.path.join(app, *launcher["target"].split("/"))],
        "module": ["-c", MODULE, launcher["target"]],
        "entry": ["-c", ENTRY, launcher["target"], name],
        "program": ["-c", PROGRAM, launcher.get("program", ""), launcher["target"]],
    }[launcher["kind"]]
    folder = where.get(launcher["cwd"])
    return [python, *start, *launcher["arguments"], *arguments], folder


def absolute(argument: str) -> str:
    """Return the whole path of a file that an argument names in this folder; anything else as it is."""
    return os.path.abspath(argument) if FILE_LIKE.fullmatch(argument) and os.path.isfile(argument) else argument


def settings_of(prefix: str, run: dict[str, Any]) -> dict[str, str]:
    """Return what PREFIX/.env sets of the names in the template; a missing file sets nothing."""
    try:
        with open(os.path.join(prefix, ".env"), encoding="utf-8-sig") as file:
            return read_env(file.read(), run["environment"]["template"])
    except FileNotFoundError:
        return {}


def main(argv: list[str]) -> int:
    """Start the launcher that the first argument names, with the rest as its arguments."""
    release = os.path.dirname(os.path.abspath(__file__))
    prefix = os.path.dirname(os.path.dirname(release))
    with open(os.path.join(release, "run.json"), encoding="utf-8") as file:
        run = json.load(file)
    try:
        settings = settings_of(prefix, run)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{os.path.join(prefix, '.env')}: {error}\n")
        return 4
    env = environment(release, run, dict(os.environ), settings)
    name, *arguments = argv
    if any(item["name"] == name and item["cwd"] == "data" for item in run["launchers"]):
        arguments = [absolute(argument) for argument in arguments]
    line, folder = command(release, run, name, arguments)
    if folder:
        os.chdir(folder)
    if os.name != "nt":
        os.execve(line[0], line, env)  # noqa: S606 - it is what a launcher is for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the application gets Ctrl-C too, and decides
    return subprocess.call(line, env=env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
