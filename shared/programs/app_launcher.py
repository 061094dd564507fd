"""Start an installed application: the file ``launch.py`` of every release.

Standard library only: the release's own interpreter runs it, with nothing of ours to import.
``run.json`` beside it holds what the profile says (bootstrap/bundle/application.py). ``loaded`` says which
names of PREFIX/.env are loaded, ``environment`` which of a name's settings holds.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from typing import Any

ENV_LIMIT = 1 << 20  # bytes of a settings file
RUN_LIMIT = 64 << 20  # bytes of run.json: at most as long as a manifest
MARK = "COMPLETE"  # of a release; whoever runs it has a lock on it
LOCK_TRIES, LOCK_POLL = 50, 0.1  # seconds between two
LINE = re.compile(
    r"""(?xs)[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=(?:
      [ \t]*'(?P<single>(?:[^'\\]|\\.)*)'[ \t]*(?:\#[^\n]*)?
    | [ \t]*"(?P<double>(?:[^"\\]|\\.)*)"[ \t]*(?:\#[^\n]*)?
    | (?![ \t]*['"])(?P<plain>[^\n]*)
    )(?:\n|\Z)"""
)
NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
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


def read_env(text: str) -> tuple[list[tuple[int, str, str]], list[int]]:
    """Return the settings of an .env text as (line, name, value), and the lines that are none, counted from 1.

    Quotes, escapes, comments and ends of lines are python-dotenv's; ``$NAME`` stays as it stands.
    Raises ValueError for a NUL, which no environment can hold.
    """
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    text, settings, wrong, at, line = re.sub("\r\n?", "\n", text), [], [], 0, 1
    while at < len(text):
        matched = LINE.match(text, at)
        nothing = None if matched else NOTHING.match(text, at)
        if matched:
            settings.append((line, matched["name"], value_of(matched)))
        elif not nothing:
            wrong.append(line)
        found = matched or nothing
        end = found.end() if found else text.find("\n", at) + 1 or len(text)
        line += text.count("\n", at, end)
        at = end
    return settings, wrong


def value_of(matched: re.Match[str]) -> str:
    """Return what a line of an .env text sets its name to."""
    if matched["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", matched["single"])
    if matched["double"] is not None:
        return re.sub(r"\\([\\'\"abfnrtv])", lambda found: ESCAPES.get(found[1], found[1]), matched["double"])
    return re.split(r"\s#", matched["plain"], maxsplit=1)[0].strip()


def loaded(run: dict[str, Any]) -> list[str]:
    """Return the names that PREFIX/.env can set; a release made before a key was added to the profile lacks it."""
    said = run["environment"]
    return list(dict.fromkeys([*said["template"], *said.get("also", ()), *said.get("defaults", ())]))


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
    test, the template) says, ``data`` a folder to use in place of the user's. Of a name that several set
    the later holds, an empty text too:

    1. the profile's defaults
    2. PREFIX/.env, in which names that have a default may speak of places as the default does
    3. the caller's variables
    4. the profile's values
    5. what makes the release's own interpreter and modules found
    """
    where = places(release, data)

    def laid(settings: dict[str, str]) -> dict[str, str]:
        return {name: PLACE.sub(lambda found: where.get(found[1], found[0]), text) for name, text in settings.items()}

    said = run["environment"]
    defaults = said.get("defaults", {})
    written = {**settings, **laid({name: text for name, text in settings.items() if name in defaults})}
    scripts = os.path.join(where["venv"], "Scripts" if os.name == "nt" else "bin")
    kept = {
        name: value for name, value in caller.items() if not name.upper().startswith("PYTHON") or name in KEPT_PYTHON
    }
    layers = (laid(defaults), written, kept, laid(said["values"]))
    result = {known_as(name): value for layer in layers for name, value in layer.items()}
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
    """Return what PREFIX/.env sets of the names that are loaded; the last line of a name wins."""
    names = set(loaded(run))
    return {name: value for _line, name, value in read_env(text_of(prefix))[0] if name in names}


def text_of(prefix: str) -> str:
    """Return the text of PREFIX/.env; a missing file is an empty one."""
    try:
        return bytes_of(os.path.join(prefix, ".env")).decode("utf-8-sig")
    except FileNotFoundError:
        return ""


def bytes_of(path: str, limit: int = ENV_LIMIT) -> bytes:
    """Return what a settings file or one of the release, or the file that a link in its place leads to, holds.

    Raises OSError for anything but a file of at most ``limit`` bytes: a pipe may never answer, a device never end.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        with open(handle, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(data) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return data


def whose(path: str) -> str:
    """Return the name of a file's owner, or his number; '?' where that cannot be told."""
    try:
        return account(os.stat(path).st_uid)
    except OSError:
        return "?"


def account(user: int) -> str:
    """Return a user's name, or his number where the host knows no name."""
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


OWNS = "the account that runs the application must own both .env and data"


def unreadable(env_file: str) -> str:
    """Return why this account cannot read the settings."""
    if os.name == "nt":
        return f"{env_file} cannot be read"
    me = account(os.geteuid())
    return f"{env_file} belongs to {whose(env_file)}, and {me} cannot read it (chown {me} {env_file}); {OWNS}"


def unwritable(release: str, prefix: str, run: dict[str, Any]) -> str:
    """Return which of the data this account cannot write, or '' where it can write all."""
    if os.name == "nt":
        return ""
    data, me = os.path.join(prefix, "data"), account(os.geteuid())
    folders = [os.path.join(release, "app", folder) for folder in run.get("persist", ())]
    for folder in [data, *folders] if folders else []:
        if not os.access(folder, os.W_OK | os.X_OK) and (folder == data or os.path.isdir(folder)):
            path = os.path.realpath(folder)
            return f"{path} belongs to {whose(path)}, and {me} cannot write in it (chown -R {me} {data}); {OWNS}"
    return ""


def tell(*lines: str) -> None:
    """Write lines to stderr, each of which stays one and steers no terminal: a name on a disk may hold anything."""
    for line in lines:
        shown = (part if part.isprintable() else part.encode("unicode_escape").decode() for part in line)
        sys.stderr.write("".join(shown) + "\n")


def other_python(release: str) -> tuple[str, ...]:
    """Return what to say where the Python of the environment has become another minor version, () where it has not.

    The link that it was made from (/opt/python/current) was moved; nothing that is installed is found by another one.
    """
    try:
        settings = bytes_of(os.path.join(release, "venv", "pyvenv.cfg")).decode("utf-8", "replace")
        made = re.search(r"(?m)^version(?:_info)?[ \t]*=[ \t]*(\d+)\.(\d+)", settings)
        base = bytes_of(os.path.join(release, "interpreter")).decode("utf-8", "replace").strip()
    except OSError:
        return ()  # whoever needs them tells
    if made is None or tuple(map(int, made.groups())) == sys.version_info[:2]:
        return ()
    here, wanted = ".".join(map(str, sys.version_info[:2])), ".".join(made.groups())
    repair = (
        f"  next: let it lead to Python {wanted} again, or repair with another one: python{wanted} "
        f"{shown(os.path.join(release, 'bundle', 'ragtrace-install.pyz'))} recover "
        f"--prefix {shown(os.path.dirname(os.path.dirname(release)))}"
    )
    return f"{base} is Python {here} now, and this installation needs Python {wanted}", repair


def shown(path: str) -> str:
    """Return a path as it is typed on this platform."""
    import shlex

    return subprocess.list2cmdline([path]) if os.name == "nt" else shlex.quote(path)


def known_as(name: str) -> str:
    """Return a variable's name as this system tells it from others: Windows takes any case for the same."""
    return name.upper() if os.name == "nt" else name


def missing(run: dict[str, Any], env: dict[str, str]) -> list[str]:
    """Return the required settings that an environment lacks, or has empty."""
    return [name for name in run["environment"]["required"] if not env.get(known_as(name))]


def hold(release: str) -> None:
    """Keep a release from being removed while this process, or what it becomes, runs.

    A shared lock on COMPLETE, kept across ``execve`` (flock(2)); bootstrap/in_use.py asks for it. Where there is none
    to be had the application starts all the same: whoever removes a release looks at processes too. Windows removes
    no program that runs.
    """
    if os.name == "nt":
        return
    import fcntl

    try:
        handle = os.open(os.path.join(release, MARK), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return

    def trouble() -> int:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno or -1
        return 0

    tries = 0
    while trouble() == errno.EWOULDBLOCK and tries < LOCK_TRIES:
        tries += 1
        time.sleep(LOCK_POLL)  # somebody looks whether it still runs, or removes it
    os.set_inheritable(handle, True)


def hand_on(release: str, prefix: str, argv: list[str]) -> None:
    """Start the release that is current in the place of one that was taken out since ``current`` was read."""
    if os.name == "nt" or os.path.lexists(os.path.join(release, MARK)):
        return
    current = os.path.realpath(os.path.join(prefix, "current"))
    python, start = os.path.join(current, "venv", "bin", "python"), os.path.join(current, "launch.py")
    if current != os.path.realpath(release) and os.path.isfile(start):
        os.execv(python, [python, "-I", "-B", start, *argv])  # noqa: S606 - as the script in PREFIX/bin does


def main(argv: list[str]) -> int:
    """Start the launcher that the first argument names, with the rest as its arguments."""
    release = os.path.dirname(os.path.abspath(__file__))
    prefix = os.path.dirname(os.path.dirname(release))
    hold(release)
    hand_on(release, prefix, argv)
    try:
        run = json.loads(bytes_of(os.path.join(release, "run.json"), RUN_LIMIT).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        tell(f"{os.path.join(release, 'run.json')}: {error}")
        return 4
    what, *advice = other_python(release) or [""]
    if what:
        tell(f"{argv[0]}: {what}", *advice)
        return 4
    try:
        settings = settings_of(prefix, run)
    except PermissionError:
        tell(f"{argv[0]}: {unreadable(os.path.join(prefix, '.env'))}")
        return 4
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        tell(f"{os.path.join(prefix, '.env')}: {reason}")
        return 4
    env = environment(release, run, dict(os.environ), settings)
    told = unwritable(release, prefix, run)
    if told:  # and no more: a command that only reads may do without
        tell(f"{argv[0]}: {told}")
    for name in missing(run, env):  # told and no more: the application may do without for what is asked of it
        tell(f"{argv[0]}: {name} is not set; add it to {os.path.join(prefix, '.env')}")
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
