# mypy: disable-error-code="no-untyped-def,no-untyped-call,attr-defined,name-defined,union-attr,var-annotated"
"""The first code of the zipapp: it makes sure that what shiv's bootstrap then runs is what was shipped.

It lies at the root of the zip as ``launch`` and imports the standard library only. Its syntax is
that of Python 2.7, so that an interpreter that is too old answers with a sentence. What it does:

1. refuse a Python, platform or architecture that the zipapp is not made for (exit code 4);
2. rebuild the environment from an allow-list and run the interpreter again with -I -B;
3. find a private cache, compare every file in it with digests.json, build it anew when one differs;
4. hand over to shiv's bootstrap, whose entry point is ``bootstrap.cli:main``.

What it leaves for the code that runs then:

* RAGTRACE_ZIPAPP, the absolute path of this zipapp. ``policy.json`` in it, if any, holds the pins.
* RAGTRACE_CALLER_NAMES, the names (never the values) of the variables that it took away,
  joined by commas, so that one can tell that a key is set.
* the module ``launch`` in sys.modules: ``launch.program("uv")`` is the path of uv, checked now.
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
ROOT_VARIABLE = "RAGTRACE_CACHE_ROOT"  # environment.json names it to shiv instead of SHIV_ROOT
PROGRAMS = "bin/"  # large: checked when they are about to run
LEAF = "ragtrace-zipapp"
KEPT_CACHES = 3
UNUSED, LEFTOVER = 30 * 86400, 86400  # seconds after which an old cache, or what a crash left, goes
HOST, DAMAGED = 4, 3  # exit codes

cache = {}  # after run(): "tree", the checked site-packages, and "files", its digests


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
        import json

        facts = json.loads(__loader__.get_data("digests.json").decode())
        check_host(facts)
        open_cache(zipapp, facts)
    except Refusal as refusal:
        sys.stderr.write(_("error: {what}").format(what=refusal.what) + "\n")
        sys.stderr.write(_("  next: {advice}").format(advice=refusal.advice) + "\n")
        sys.exit(refusal.code)
    except KeyboardInterrupt:
        sys.exit(130)
    from _bootstrap import bootstrap  # type: ignore[import-not-found] # shiv's

    bootstrap()


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
        raise Refusal(
            _("This installer is made for {wanted}; {path} is a Python for {found}.").format(
                wanted="%s-%s" % (facts["platform"], facts["architecture"]),
                path=sys.executable,
                found=system + (EXTENSION_SUFFIXES[0] if system != "macos" else "-" + os.uname().machine),
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
    sys.stdout.flush()
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


# 3. the cache


def open_cache(zipapp, facts):
    """Find or make a cache that holds exactly the files of the zipapp, in the first place that fits."""
    # the name is the one that shiv's cache_path looks for
    name = "%s_%s" % (os.path.basename(os.path.realpath(zipapp)), facts["build_id"])
    troubles = []
    for place in places():
        try:
            folder = private_folder(place)
            if damage(os.path.join(folder, name), facts["files"]) is not None:
                try_execution(folder)
                build(zipapp, folder, name, facts["files"])
                prune(folder, name)
        except OSError as error:
            troubles.append("%s (%s)" % (place, error.strerror or error))
            continue
        try:
            os.utime(os.path.join(folder, name))  # the mark of use that prune() goes by
        except OSError:
            pass  # a cache that somebody made for us, read-only
        os.environ[ROOT_VARIABLE] = folder
        cache.update(zipapp=zipapp, tree=os.path.join(folder, name, "site-packages"), files=facts["files"])
        return
    raise Refusal(
        _("No folder serves as the installer's cache: {troubles}.").format(troubles="; ".join(troubles)),
        _("Set RAGTRACE_CACHE to a folder of your own with 100 MB free, on a filesystem that allows execution."),
    )


def places():
    """Return where the cache may lie, best first; RAGTRACE_CACHE, when given, is the only one."""
    given = os.environ.get("RAGTRACE_CACHE")
    if given:
        return [os.path.join(os.path.abspath(given), LEAF)]
    home = os.path.expanduser("~")
    if os.name == "nt":
        folders = [os.environ.get("LOCALAPPDATA")]
    elif sys.platform == "darwin":
        folders = [os.path.join(home, "Library", "Caches")]
    else:
        folders = [os.environ.get("XDG_CACHE_HOME"), os.path.join(home, ".cache") if os.path.isdir(home) else None]
    found = [os.path.join(folder, LEAF) for folder in folders if folder and os.path.isabs(folder)]
    # the name in a folder that all share; others' of the same name are refused
    leaf = LEAF if os.name == "nt" else "%s-%d" % (LEAF, os.geteuid())
    shared = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    shared += [] if os.name == "nt" else ["/tmp", "/var/tmp"]  # noqa: S108 - made 0700, checked for its owner
    return found + [os.path.join(folder, leaf) for folder in shared if folder and os.path.isabs(folder)]


def private_folder(path):
    """Make a folder 0700, or take it as it is when it is a real one of this user; else raise OSError."""
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    status = os.lstat(path)
    if status.st_mode & 0o170000 != 0o040000 or getattr(status, "st_file_attributes", 0) & 0x400:
        raise OSError(_("not a real folder"))
    if os.name == "nt":
        return path  # the profile's access list keeps others out
    if status.st_uid != os.geteuid():
        raise OSError(_("belongs to another user"))
    parent = os.path.dirname(path)
    while parent != os.path.dirname(parent):
        above = os.stat(parent)
        # sudo may leave HOME at the caller's: who owns a folder above could swap what root runs
        # (65534 is whoever lies outside a user namespace)
        if above.st_mode & 0o1002 == 0o0002 or (os.geteuid() == 0 and above.st_uid not in (0, 65534)):
            raise OSError(_("another user could replace it"))
        parent = os.path.dirname(parent)
    if status.st_mode & 0o077:
        os.chmod(path, 0o700)
    if os.statvfs(path).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise OSError(_("execution is not allowed there"))
    return path


def try_execution(folder):
    """Write a program and run it; OSError tells that the folder cannot be written or executed in."""
    if os.name == "nt":
        return
    import subprocess

    path = os.path.join(folder, ".try-%d" % os.getpid())
    try:
        with open(path, "w") as file:
            file.write("#!/bin/sh\nexit 0\n")
        os.chmod(path, 0o700)
        subprocess.call([path])
    finally:
        if os.path.exists(path):
            os.unlink(path)


def damage(home, files):
    """Return the first path where a cache is not what the zipapp holds, None when all is well."""
    from hashlib import sha256

    tree = os.path.join(home, "site-packages")
    if os.path.islink(home) or os.path.islink(tree) or not os.path.isdir(tree):
        return "site-packages"
    left, folders = dict(files), [("", tree)]
    while folders:
        prefix, folder = folders.pop()
        with os.scandir(folder) as entries:
            names = list(entries)
        if not names:
            return prefix
        for entry in names:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append((path + "/", entry.path))
                continue
            digest, size, _mode = left.pop(path, ("", 0, 0))
            if not digest or not entry.is_file(follow_symlinks=False):
                return path
            if path.startswith(PROGRAMS):
                if os.stat(entry.path).st_size != size:
                    return path
                continue
            with open(entry.path, "rb", 0) as file:
                if sha256(file.read(size + 1)).hexdigest() != digest:
                    return path
    return min(left) if left else None


def build(zipapp, folder, name, files):
    """Unpack the zipapp's files beside and swap them in; another run that does the same may win."""
    import shutil
    import tempfile
    import zipfile

    home = os.path.join(folder, name)
    new = tempfile.mkdtemp(prefix=".new-", dir=folder)
    try:
        with zipfile.ZipFile(zipapp) as archive:
            for path in files:
                unpack(archive, path, os.path.join(new, "site-packages", path), files[path])
        if os.path.lexists(home) and damage(home, files) is not None:
            aside = tempfile.mkdtemp(prefix=".old-", dir=folder)
            os.rename(home, os.path.join(aside, "tree"))
            shutil.rmtree(aside, ignore_errors=True)
        try:
            os.rename(new, home)
        except OSError:
            if damage(home, files) is not None:
                raise
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise broken(zipapp, error)  # noqa: B904 - Python 2.7 has no "from", and must parse this
    finally:
        shutil.rmtree(new, ignore_errors=True)


def unpack(archive, name, path, known):
    """Write one file of the zipapp, hashing what is written; raise Refusal when it is not the known one."""
    import hashlib

    digest, size, mode = known
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    hashed, written = hashlib.sha256(), 0
    with archive.open("site-packages/" + name) as source, open(path, "xb") as file:
        for block in iter(lambda: source.read(1 << 20), b""):
            hashed.update(block)
            written += len(block)
            if written > size:
                break
            file.write(block)
    if hashed.hexdigest() != digest:
        raise broken(archive.filename, name)
    os.chmod(path, mode)


def broken(zipapp, reason):
    """Return the refusal of a zipapp whose own bytes are not right."""
    return Refusal(
        _("{path} is damaged: {reason}.").format(path=zipapp, reason=reason),
        _("Copy the file again and compare its SHA-256 with the one on paper."),
        DAMAGED,
    )


def prune(folder, own):
    """Remove caches that were not used for long, but for the newest, and what crashed runs left."""
    import shutil
    import time

    ages = {}
    for entry in os.scandir(folder):
        try:
            ages[entry.path] = time.time() - entry.stat(follow_symlinks=False).st_mtime
        except OSError:  # noqa: PERF203
            pass  # another run removed it
    leftovers = [path for path in ages if os.path.basename(path).startswith((".new-", ".old-"))]
    caches = sorted((path for path in ages if ".pyz_" in os.path.basename(path)), key=lambda path: ages[path])
    old = [path for path in caches[KEPT_CACHES:] if ages[path] > UNUSED and os.path.basename(path) != own]
    for path in old + [path for path in leftovers if ages[path] > LEFTOVER]:
        shutil.rmtree(path, ignore_errors=True)


def program(name):
    """Return the path of a program of the zipapp (``uv``), its bytes compared with the digests now.

    An altered one is unpacked anew. Raises OSError, or Refusal when the zipapp itself is damaged.
    """
    import hashlib
    import shutil
    import tempfile
    import zipfile

    inner = PROGRAMS + name + (".exe" if os.name == "nt" else "")
    path, hashed = os.path.join(cache["tree"], inner), hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            hashed.update(block)
    if hashed.hexdigest() != cache["files"][inner][0]:
        beside = tempfile.mkdtemp(prefix=".new-", dir=os.environ[ROOT_VARIABLE])
        try:
            with zipfile.ZipFile(cache["zipapp"]) as archive:
                unpack(archive, inner, os.path.join(beside, name), cache["files"][inner])
            os.replace(os.path.join(beside, name), path)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return path
