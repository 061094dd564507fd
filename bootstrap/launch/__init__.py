# mypy: disable-error-code="no-untyped-def,no-untyped-call,attr-defined,name-defined,union-attr"
"""The first code of the zipapp: it makes sure that what shiv's bootstrap then runs is what was shipped.

It is at the root of the zip as ``launch`` and imports the standard library only. The syntax of this
file is that of Python 2.7, so that an interpreter that is too old answers with a sentence. What it does:

1. refuse a Python that is too old or too bare (exit code 4);
2. rebuild the environment from an allow-list and run the interpreter again with -I -B;
   then refuse a platform or architecture that the zipapp is not made for (host.py);
3. find a private cache whose every file is what the zipapp holds, or build it (cache.py);
4. hand over to shiv's bootstrap, whose entry point is ``bootstrap.cli:main``.

What it leaves for the code that runs then:

* RAGTRACE_ZIPAPP, the absolute path of this zipapp. ``policy.json`` in it, if any, holds the pins.
* RAGTRACE_CALLER_NAMES, the names (never the values) of the variables that it took away,
  joined by commas, so that one can tell that a key is set.
* the module ``launch.cache`` in sys.modules, whose ``opened`` says where the cache is and what it holds
  (``shared/programs/embedded.py`` checks a program by it when it is about to run).
"""

import os
import sys

from .host import check_host, check_modules, check_python
from .words import Refusal, _, broken, sentence

STORED = (
    "HOME PATH LANG TZ TERM COLUMNS LINES NO_COLOR USER LOGNAME SSH_AUTH_SOCK TEMP TMP TMPDIR "
    "USERPROFILE USERNAME LOCALAPPDATA APPDATA PROGRAMDATA SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT "
    "PROCESSOR_ARCHITECTURE PROCESSOR_ARCHITEW6432 "  # platform.machine() reads these two
    "WINEUSERNAME"  # wine's own, by which it finds a user's folders
).split()
PASSED_PREFIXES = ("LC_", "XDG_", "RAGTRACE_")


def run():
    """Check, prepare and start; the interpreter ends with the exit code of the entry point."""
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
    """Write lines on stderr; one that is closed or full does not change the exit code."""
    try:
        sys.stderr.write("".join(sentence(line) + "\n" for line in lines))
        sys.stderr.flush()
    except (AttributeError, EnvironmentError, ValueError):  # of a closed one there is no stream
        sys.stderr = None  # else Python would try again at its end, and end with 120


def settle():
    """Replace what a caller may leave unfit: a umask that opens or closes what is made now, folders that are none."""
    os.umask(0o022)  # what is made has the modes that it is given
    # an empty HOME would stand for the root folder; what is relative is invalid (XDG Base Directory Specification)
    for name in [name for name in os.environ if name == "HOME" or (name.startswith("XDG_") and name.endswith("_HOME"))]:
        if not os.path.isabs(os.environ[name]):
            del os.environ[name]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if not any(os.path.isabs(folder) and os.path.isdir(folder) for folder in folders):
        os.environ["PATH"] = os.defpath  # scripts that are started would find no program


def provide_scratch(folder):
    """Name a private folder of ours for temporary files where no place that Python knows can be written."""
    places = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    places += ["/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108 - tempfile's own, in which it makes what is private
    if os.name == "posix" and not any(place and os.access(place, os.W_OK | os.X_OK) for place in places):
        os.environ["TMPDIR"] = folder


def read_facts(zipapp):
    """Return digests.json: what the zipapp is made for and the files that it holds."""
    import json

    try:
        return json.loads(__loader__.get_data("digests.json").decode())
    except (EOFError, KeyError, OSError, ValueError) as error:
        raise broken(zipapp, error)  # noqa: B904 - Python 2.7 must parse this and has no "from"


def allowed(name):
    """Return whether a variable of the caller's environment is handed on."""
    return name.upper() in STORED or name.upper().startswith(PASSED_PREFIXES)


def isolate(zipapp):
    """Go on with a clean environment under -I -B; run the interpreter again where it is not so."""
    foreign = sorted(name for name in os.environ if not allowed(name))
    flags = sys.flags.isolated and sys.flags.dont_write_bytecode
    again = os.environ.get("RAGTRACE_ZIPAPP") == zipapp
    if not again:
        os.environ["RAGTRACE_CALLER_NAMES"] = ",".join(foreign)
        os.environ["RAGTRACE_ZIPAPP"] = zipapp
    # the environment may name any program as sys.executable, even under -I (__PYVENV_LAUNCHER__, CPython 3.11)
    own = getattr(sys, "_base_executable", None) or sys.executable
    if flags and (again or not foreign):
        for name in foreign:  # a system adds some to every process (macOS, wine)
            del os.environ[name]
        sys.executable = own
        return
    if not own:
        raise Refusal(
            _("This Python does not know its own path."), _("Run it by its full path, for example /usr/bin/python3.")
        )
    environment = {name: value for name, value in os.environ.items() if allowed(name)}
    command = [own, "-I", "-B"] + sys.argv  # noqa: RUF005 - syntax of 2.7
    if os.name == "nt":
        sys.exit(wait_for(command, environment))
    os.execve(own, command, environment)  # noqa: S606 - this same interpreter


def wait_for(command, environment):
    """Run a child to its end (Windows has no exec) and return its exit code; Ctrl-C is the child's."""
    import subprocess

    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # noqa: PERF203 - the wait begins again
            continue
