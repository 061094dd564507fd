# mypy: disable-error-code="no-untyped-def,no-untyped-call,attr-defined,name-defined,union-attr"
"""Checks whether the zipapp is built for this host and its Python; this module can only refuse to start.

It keeps the syntax of Python 2.7, so that an interpreter that is too old prints a readable error.
"""

import os
import sys

from .words import Refusal, _

FIRST, LAST = (3, 9, 2), (3, 15)
MODULES = "argparse gettext hashlib json logging shutil subprocess tarfile zipfile zlib"
# a Python built without libffi still has the package ctypes; if only the library is missing, it has _ctypes as well
EXTENSIONS = "_ctypes" if os.name == "nt" else "_ctypes fcntl grp pwd resource"


def check_python():
    """Refuse an interpreter that is too old, too new or not CPython."""
    version = tuple(sys.version_info[:3])
    # Python 2 does not have sys.implementation
    name = getattr(getattr(sys, "implementation", None), "name", "cpython")
    if name != "cpython" or version < FIRST or version[:2] > LAST:
        raise Refusal(
            _("This installer requires CPython 3.9.2 to 3.15; {path} is {name} {found}.").format(
                path=sys.executable, name=name, found="%d.%d.%d" % version
            ),
            _("Run it with another interpreter of this host, for example python3.11."),
        )


def check_modules():
    """Refuse an interpreter with an incomplete standard library (Debian's python3-minimal)."""
    from importlib.machinery import PathFinder

    names = [name for name in MODULES.split() if name not in sys.builtin_module_names]
    missing = [name for name in names if name not in sys.modules and PathFinder.find_spec(name) is None]
    missing += [name for name in EXTENSIONS.split() if not can_import(name)]
    if missing:
        raise Refusal(
            _("The Python interpreter {path} has an incomplete standard library; missing: {names}.").format(
                path=sys.executable, names=", ".join(missing)
            ),
            _("Install the complete standard library; on Debian and Ubuntu, install the package python3."),
        )


def can_import(name):
    """Return whether a module can be loaded; one that is found may still be broken."""
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def check_host(facts):
    """Refuse a platform, architecture, C library or build of Python that the zipapp is not built for."""
    from importlib.machinery import EXTENSION_SUFFIXES

    linux = "musllinux" if facts["platform"] == "musllinux" and glibc() == (0, 0) else "linux"
    system = {"linux": linux, "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    fitting = [suffix for suffix in EXTENSION_SUFFIXES if suffix in facts["suffixes"]]
    if any("%d%dt" % sys.version_info[:2] in suffix for suffix in EXTENSION_SUFFIXES):
        raise Refusal(
            _("{path} is a free-threaded build of Python, which this installer does not support.").format(
                path=sys.executable
            ),
            _("Run it with a regular build (with the GIL) of the same Python version."),
        )
    # only macOS omits the architecture from the suffixes
    wrong_machine = system == "macos" and os.uname().machine != facts["architecture"]
    if system != facts["platform"] or not fitting or wrong_machine:
        import sysconfig

        raise Refusal(
            _("This installer is built for {wanted}, but {path} is a Python interpreter for {found}.").format(
                wanted="%s-%s" % (facts["platform"], facts["architecture"]),
                path=sys.executable,
                found=sysconfig.get_platform(),
            ),
            _("Transfer the installer that was built for this platform."),
        )
    if facts["glibc"] and glibc() < tuple(facts["glibc"]):
        raise Refusal(
            _("This installer requires glibc {wanted} or later; this host has {found}.").format(
                wanted="%d.%d" % tuple(facts["glibc"]), found="%d.%d" % glibc() if glibc() != (0, 0) else "none"
            ),
            _("Use a host with a newer operating system."),
        )


def glibc():
    """Return the version of this host's glibc, or (0, 0) if there is none (musl)."""
    try:
        return tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2])
    except (AttributeError, IndexError, OSError, ValueError):
        return (0, 0)
