# mypy: disable-error-code="no-untyped-def,no-untyped-call,attr-defined,name-defined,union-attr"
"""The first code of the zipapp: verifies that the files that shiv's bootstrap then runs are the shipped ones.

It is located at the root of the zip as ``launch`` and imports only the standard library. This file keeps the syntax of
Python 2.7, so that an interpreter that is too old prints a readable error. It does the following:

1. refuse a Python interpreter that is too old or incomplete (exit code 4);
2. rebuild the environment from an allow-list and run the interpreter again with -I -B;
   then refuse a platform or architecture that the zipapp is not built for (host.py);
3. find a private cache whose files all match the zipapp, or build it (cache.py);
4. pass control to shiv's bootstrap, whose entry point is ``bootstrap.cli:main``.

It provides the following to the code that runs then:

* RAGTRACE_ZIPAPP, the absolute path of this zipapp. ``policy.json`` in it, if present, contains the pinned keys.
* RAGTRACE_CALLER_NAMES, the comma-separated names (never the values) of the variables that it removed, so that the
  tool can detect which ones were set.
* the module ``launch.cache`` in sys.modules, whose ``opened`` has the location and contents of the cache
  (``shared/programs/embedded.py`` uses it to verify a program right before running it).
"""

import os
import sys

from .host import check_host, check_modules, check_python
from .words import Refusal, _, broken, sentence

PASSED_NAMES = (
    "HOME PATH LANG TZ TERM COLUMNS LINES NO_COLOR USER LOGNAME SSH_AUTH_SOCK TEMP TMP TMPDIR "
    "USERPROFILE USERNAME LOCALAPPDATA APPDATA PROGRAMDATA SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT "
    "PROCESSOR_ARCHITECTURE PROCESSOR_ARCHITEW6432 "  # platform.machine() reads these two
    "WINEUSERNAME"  # Wine uses it to find a user's folders
).split()
PASSED_PREFIXES = ("LC_", "XDG_", "RAGTRACE_")


def run():
    """Check the host, prepare the environment and run the entry point, whose exit code becomes the process's."""
    if os.name == "posix":  # pragma: no branch - Windows has neither
        settle()
    try:
        check_python()
        zipapp = os.path.abspath(__loader__.archive)
        isolate(zipapp)
        check_modules()
        facts = read_facts(zipapp)
        check_host(facts)
        from .cache import open_cache, opened

        open_cache(zipapp, facts)
        provide_scratch(opened["folder"])
        from _bootstrap import bootstrap  # type: ignore[import-not-found] # shiv's

        bootstrap()
    except Refusal as refusal:
        tell(_("error: {what}").format(what=refusal.what), _("  next: {advice}").format(advice=refusal.advice))
        sys.exit(refusal.code)
    except KeyboardInterrupt:
        sys.exit(130)


def tell(*lines):
    """Write lines to stderr; a closed or full stderr does not change the exit code."""
    try:
        sys.stderr.write("".join(sentence(line) + "\n" for line in lines))
        sys.stderr.flush()
    except (AttributeError, EnvironmentError, ValueError):  # sys.stderr is None if it is closed
        sys.stderr = None  # otherwise Python would flush it again at exit, and exit with 120


def settle():
    """Set the umask, remove HOME and XDG_*_HOME if not absolute, and replace a PATH without a usable folder."""
    os.umask(0o022)  # new files have exactly the modes that are set
    # an empty HOME would mean the root folder; relative paths are invalid (XDG Base Directory Specification)
    for name in [name for name in os.environ if name == "HOME" or (name.startswith("XDG_") and name.endswith("_HOME"))]:
        if not os.path.isabs(os.environ[name]):
            del os.environ[name]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if not any(os.path.isabs(folder) and os.path.isdir(folder) for folder in folders):
        os.environ["PATH"] = os.defpath  # otherwise scripts would find no programs


def provide_scratch(folder):
    """Set TMPDIR to a private folder if none of the folders that Python tries for temporary files is writable."""
    places = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    places += ["/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108 - tempfile's defaults, in which it creates private files
    if os.name == "posix" and not any(place and os.access(place, os.W_OK | os.X_OK) for place in places):
        os.environ["TMPDIR"] = folder


def read_facts(zipapp):
    """Return digests.json: the platform that the zipapp is built for, and its files."""
    import json

    try:
        return json.loads(__loader__.get_data("digests.json").decode())
    except (EOFError, KeyError, OSError, ValueError) as error:
        raise broken(zipapp, error)  # noqa: B904 - Python 2.7 must parse this and has no "from"


def allowed(name):
    """Return whether a variable of the caller's environment is passed on."""
    return name.upper() in PASSED_NAMES or name.upper().startswith(PASSED_PREFIXES)


def isolate(zipapp):
    """Continue with a clean environment under -I -B, running the interpreter again if necessary."""
    foreign = sorted(name for name in os.environ if not allowed(name))
    flags = sys.flags.isolated and sys.flags.dont_write_bytecode
    again = os.environ.get("RAGTRACE_ZIPAPP") == zipapp
    if not again:
        os.environ["RAGTRACE_CALLER_NAMES"] = ",".join(foreign)
        os.environ["RAGTRACE_ZIPAPP"] = zipapp
    # the environment can set sys.executable to any program, even under -I (__PYVENV_LAUNCHER__, CPython 3.11)
    own = getattr(sys, "_base_executable", None) or sys.executable
    if flags and (again or not foreign):
        for name in foreign:  # some systems add variables to every process (macOS, Wine)
            del os.environ[name]
        sys.executable = own
        return
    if not own:
        raise Refusal(
            _("Cannot determine the path of the running Python interpreter."),
            _("Run it by its full path, for example /usr/bin/python3."),
        )
    environment = {name: value for name, value in os.environ.items() if allowed(name)}
    command = [own, "-I", "-B"] + sys.argv  # noqa: RUF005 - syntax of 2.7
    if os.name == "nt":
        sys.exit(wait_for(command, environment))
    os.execve(own, command, environment)  # noqa: S606 - the same interpreter


def wait_for(command, environment):
    """Run a child process to its end and return its exit code (Windows has no exec); the child handles Ctrl-C."""
    import subprocess

    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # noqa: PERF203 - continue waiting
            continue
