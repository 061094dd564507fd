# mypy: disable-error-code="no-untyped-def,no-untyped-call,attr-defined,name-defined,union-attr"
"""The first code of the zipapp: it makes sure that what shiv's bootstrap then runs is what was shipped.

It lies at the root of the zip as ``launch`` and imports the standard library only. The syntax of this
file is that of Python 2.7, so that an interpreter that is too old answers with a sentence. What it does:

1. refuse a Python, platform or architecture that the zipapp is not made for (exit code 4);
2. rebuild the environment from an allow-list and run the interpreter again with -I -B;
3. find a private cache whose every file is what the zipapp holds, or build it (cache.py);
4. hand over to shiv's bootstrap, whose entry point is ``bootstrap.cli:main``.

What it leaves for the code that runs then:

* RAGTRACE_ZIPAPP, the absolute path of this zipapp. ``policy.json`` in it, if any, holds the pins.
* RAGTRACE_CALLER_NAMES, the names (never the values) of the variables that it took away,
  joined by commas, so that one can tell that a key is set.
* the module ``launch.cache`` in sys.modules: its ``program("uv")`` is the path of uv, checked now.
"""

import os
import sys

FIRST, LAST = (3, 9, 2), (3, 14)
MODULES = "argparse ctypes gettext hashlib json logging shutil subprocess tarfile zipfile zlib"
KEPT = (
    "HOME PATH LANG TZ TERM COLUMNS LINES NO_COLOR USER LOGNAME SSH_AUTH_SOCK TEMP TMP TMPDIR "
    "USERPROFILE USERNAME LOCALAPPDATA APPDATA PROGRAMDATA SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT "
    "PROCESSOR_ARCHITECTURE PROCESSOR_ARCHITEW6432"  # platform.machine() reads these two
).split()
KEPT_PREFIXES = ("LC_", "XDG_", "RAGTRACE_")
HOST, DAMAGED = 4, 3  # exit codes


class Refusal(Exception):  # noqa: N818 - not an error of ours, the host does not fit
    """Why we stop: what happened, what to do next, and the exit code."""

    def __init__(self, what, advice, code=HOST):
        Exception.__init__(self, what)
        self.what, self.advice, self.code = what, advice, code


def run():
    """Check, prepare and start; the interpreter ends with the exit code of the entry point."""
    try:
        check_python()
        zipapp = os.path.abspath(__loader__.archive)
        isolate(zipapp)
        check_modules()
        facts = read_facts(zipapp)
        check_host(facts)
        from .cache import open_cache

        open_cache(zipapp, facts)
        from _bootstrap import bootstrap  # type: ignore[import-not-found] # shiv's

        bootstrap()
    except Refusal as refusal:
        sys.stderr.write(_("error: {what}").format(what=refusal.what) + "\n")
        sys.stderr.write(_("  next: {advice}").format(advice=refusal.advice) + "\n")
        sys.exit(refusal.code)
    except KeyboardInterrupt:
        sys.exit(130)


def _(message):
    """Return a message in the operator's language, from the catalogue inside the zipapp."""
    try:
        import gettext
        import io

        path = os.path.join("site-packages", "bootstrap", "locale", language(), "LC_MESSAGES", "ragtrace.mo")
        return gettext.GNUTranslations(io.BytesIO(__loader__.get_data(path))).gettext(message)
    except Exception:  # noqa: BLE001 - no such catalogue, or a Python too old or too bare: English
        return message


def language():
    """Return the code of the operator's language, as bootstrap/i18n.py finds it."""
    for name in ("RAGTRACE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].partition(".")[0].partition("_")[0]
    if os.name == "nt":
        import ctypes
        import locale

        code = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return locale.windows_locale.get(code, "en").partition("_")[0]
    return "en"


def read_facts(zipapp):
    """Return digests.json: what the zipapp is made for and the files that it holds."""
    import json

    try:
        return json.loads(__loader__.get_data("digests.json").decode())
    except (EOFError, KeyError, OSError, ValueError) as error:
        raise broken(zipapp, error)  # noqa: B904 - Python 2.7 must parse this and has no "from"


def broken(zipapp, reason):
    """Return the refusal of a zipapp whose own bytes are not right."""
    return Refusal(
        _("{path} is damaged: {reason}.").format(path=zipapp, reason=reason),
        _("Copy the file again and compare its SHA-256 with the one on paper."),
        DAMAGED,
    )


# 1. the host


def check_python():
    """Refuse a Python that is too old, too new or not CPython."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    if not FIRST <= tuple(sys.version_info[:3]) or tuple(sys.version_info[:2]) > LAST:
        raise Refusal(
            _("This installer needs CPython 3.9.2 to 3.14; {path} is Python {found}.").format(
                path=sys.executable, found=found
            ),
            _("Run it with another interpreter of this host, for example python3.11."),
        )
    if sys.implementation.name != "cpython":
        raise Refusal(
            _("This installer needs CPython; {path} is {found}.").format(
                path=sys.executable, found=sys.implementation.name
            ),
            _("Run it with another interpreter of this host, for example python3.11."),
        )


def check_modules():
    """Refuse a Python without the standard library (Debian's python3-minimal)."""
    from importlib.machinery import PathFinder

    names = [name for name in MODULES.split() if name not in sys.builtin_module_names]
    missing = [name for name in names if name not in sys.modules and PathFinder.find_spec(name) is None]
    if missing:
        raise Refusal(
            _("{path} is a Python without its standard library: {names} missing.").format(
                path=sys.executable, names=", ".join(missing)
            ),
            _("Install the whole Python; on Debian and Ubuntu that is the package python3."),
        )


def check_host(facts):
    """Refuse a platform, architecture, C library or build of Python that the zipapp is not made for."""
    from importlib.machinery import EXTENSION_SUFFIXES

    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    fitting = [suffix for suffix in EXTENSION_SUFFIXES if suffix in facts["suffixes"]]
    if any("%d%dt" % sys.version_info[:2] in suffix for suffix in EXTENSION_SUFFIXES):
        raise Refusal(
            _("{path} is a free-threaded build of Python, which this installer does not run on.").format(
                path=sys.executable
            ),
            _("Run it with the ordinary build of the same version."),
        )
    # only a Mac's suffixes do not name the architecture
    wrong_machine = system == "macos" and os.uname().machine != facts["architecture"]
    if system != facts["platform"] or not fitting or wrong_machine:
        import sysconfig

        raise Refusal(
            _("This installer is made for {wanted}; {path} is a Python for {found}.").format(
                wanted="%s-%s" % (facts["platform"], facts["architecture"]),
                path=sys.executable,
                found=sysconfig.get_platform(),
            ),
            _("Bring the installer that was built for this platform."),
        )
    if facts["glibc"] and glibc() < tuple(facts["glibc"]):
        raise Refusal(
            _("This installer needs glibc {wanted} or later; this host has {found}.").format(
                wanted="%d.%d" % tuple(facts["glibc"]), found="%d.%d" % glibc() if glibc() != (0, 0) else "none"
            ),
            _("Use a host with a newer system."),
        )


def glibc():
    """Return the version of this host's glibc, (0, 0) where there is none (musl)."""
    try:
        return tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2])
    except (AttributeError, IndexError, OSError, ValueError):
        return (0, 0)


# 2. the environment


def allowed(name):
    """Tell whether a variable of the caller's environment is handed on."""
    return name.upper() in KEPT or name.upper().startswith(KEPT_PREFIXES)


def isolate(zipapp):
    """Go on with a clean environment under -I -B; run the interpreter again where it is not so."""
    foreign = sorted(name for name in os.environ if not allowed(name))
    flags = sys.flags.isolated and sys.flags.dont_write_bytecode
    again = os.environ.get("RAGTRACE_ZIPAPP") == zipapp
    if not again:
        os.environ["RAGTRACE_CALLER_NAMES"] = ",".join(foreign)
        os.environ["RAGTRACE_ZIPAPP"] = zipapp
    if flags and (again or not foreign):
        for name in foreign:  # a system adds some to every process (macOS, wine)
            del os.environ[name]
        return
    if not sys.executable:
        raise Refusal(
            _("This Python does not know its own path."), _("Start it by its full path, for example /usr/bin/python3.")
        )
    environment = {name: value for name, value in os.environ.items() if allowed(name)}
    command = [sys.executable, "-I", "-B"] + sys.argv  # noqa: RUF005 - syntax of 2.7
    if os.name == "nt":
        sys.exit(wait_for(command, environment))
    os.execve(sys.executable, command, environment)  # noqa: S606 - this same interpreter


def wait_for(command, environment):
    """Run a child to its end (Windows has no exec) and return its exit code; Ctrl-C is the child's."""
    import subprocess

    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # noqa: PERF203 - the wait begins again
            continue
