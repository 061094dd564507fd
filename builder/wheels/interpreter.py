"""A relocatable CPython for the target, so that the application does not depend on the host's Python.

It comes from an archive in the layout of python-build-standalone (``install_only``), or from uv, which downloads one
for any platform (UV_PYTHON_INSTALL_MIRROR). Each file is a member of the bundle; links, headers, tests,
documentation and installed packages are omitted.
"""

from __future__ import annotations

import os
import re
import struct
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from builder.backends.workshop import last_reason
from builder.lock.export import uv_environment
from builder.members import Member
from bundle import digest, names
from bundle.manifest import PYTHON, FileEntry
from bundle.target import host_target
from shared import reading, troubles
from shared.errors import BuildError, UsageError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.target import Target
    from shared.terminal.progress import Progress

FETCH_TIME_LIMIT, TRY_TIME_LIMIT = 1800.0, 60.0  # seconds
BUILT_AT = b"/install"  # the build prefix of python-build-standalone
PATCHED = re.compile(r"3\.[0-9]{1,2}\.[0-9]{1,2}")
PATCH_LEVEL = re.compile(r'^#define PY_VERSION\s+"([0-9A-Za-z.+]{1,40})"', re.MULTILINE)  # CPython's patchlevel.h
PATCH_LEVEL_LIMIT = 64 << 10  # bytes
VERSION = re.compile(r"3\.[0-9]{1,2}(\.[0-9]{1,2})?")
LEFT_OUT = (
    *("share/*", "include/*", "libs/*", "lib/pkgconfig/*", "*.a", "*/__pycache__/*", "*.pyc"),
    *("lib/python*/test/*", "lib/python*/*/test/*", "lib/python*/*/tests/*", "lib/python*/idlelib/*"),
    *("lib/python*/site-packages/*", "lib/python*/config-*", "lib/python*/ensurepip/*"),
    *("lib/python*/EXTERNALLY-MANAGED", "BUILD"),  # added by uv
    *("Lib/test/*", "Lib/*/test/*", "Lib/idlelib/*", "Lib/site-packages/*", "Lib/ensurepip/*", "Doc/*", "Scripts/*"),
)
# modules that an incomplete build of Python lacks; base_prefix shows whether it uses its own standard library
NEEDED = "import ctypes, hashlib, json, lzma, sqlite3, ssl, sys, venv, zlib; print(sys.base_prefix)"
# e_machine of ELF, Machine of PE, cputype of Mach-O
MACHINES = {
    "linux": {62: "x86_64", 183: "aarch64"},
    "windows": {0x8664: "amd64", 0xAA64: "arm64"},
    "macos": {0x01000007: "x86_64", 0x0100000C: "arm64"},
}


def add_python(given: str, target: Target, scratch: Path, progress: Progress) -> tuple[Member, ...]:
    """Return the files of an interpreter for a target; ``given`` is an archive, a folder or a version.

    ``scratch`` is a new folder that must exist until the bundle is written. Raises UsageError if the archive cannot
    be read, BuildError if the interpreter is not usable for the target.
    """
    if VERSION.fullmatch(given):
        progress.step(_("Fetching Python {version} for {target}").format(version=given, target=target))
        root = _from_uv(given, target, scratch)
    elif Path(given).is_dir():
        root = Path(given)
    else:
        progress.step(_("Unpacking {archive}").format(archive=given))
        root = _unpacked(Path(given), scratch)
    home = _home(root, target, given)
    if root == scratch:
        _forget_place(home)
    _check_machine(home / _program(target), target)
    if str(target) == str(host_target()):
        _try(home, home / _program(target))
    return tuple(_members(home, target))


def version_of(given: str) -> str | None:
    """Return the exact version of an interpreter before it is added, or None if only its files will show it.

    It is the given one, or that of its headers (``patchlevel.h``), which python-build-standalone includes.
    """
    if VERSION.fullmatch(given):
        return given if PATCHED.fullmatch(given) else None
    try:
        found = PATCH_LEVEL.search(_header(Path(given)).decode("ascii", "replace"))
    except (OSError, tarfile.TarError, EOFError):
        return None  # adding it names what is wrong
    return found[1] if found else None


def _header(place: Path) -> bytes:
    if place.is_dir():
        for pattern in ("", "*/", "*/*/"):
            for path in sorted(place.glob(f"{pattern}include/**/patchlevel.h")):
                return reading.read(path, PATCH_LEVEL_LIMIT)
        return b""
    with tarfile.open(place) as archive:
        for member in archive:
            if member.isreg() and member.name.endswith("/patchlevel.h") and "include" in member.name.split("/"):
                file = archive.extractfile(member)
                return file.read(PATCH_LEVEL_LIMIT) if file else b""
    return b""


def _program(target: Target) -> str:
    return "python.exe" if target.platform == "windows" else f"bin/python{target.python}"


def _from_uv(version: str, target: Target, scratch: Path) -> Path:
    import uv

    libc = {"linux": "gnu", "musllinux": "musl"}.get(target.platform, "none")
    system = {"musllinux": "linux"}.get(target.platform, target.platform)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(target.architecture, target.architecture)
    request = f"cpython-{version}-{system}-{machine}-{libc}"
    passed = {name: value for name, value in os.environ.items() if name.startswith("UV_PYTHON_")}
    env = {**uv_environment(os.environ), **passed, "UV_PYTHON_DOWNLOADS": "manual"}
    argv = [uv.find_uv_bin(), "python", "install", "--no-bin", "--install-dir", str(scratch), request]
    done = process.run(argv, env=env, cwd=scratch, timeout=FETCH_TIME_LIMIT)
    if not done.ok:
        raise BuildError(
            _("uv cannot install {request}: {reason}").format(request=request, reason=last_reason(done)),
            advice=_("Specify a version that `uv python list --all-platforms` shows, set "
                     "UV_PYTHON_INSTALL_MIRROR, or specify an archive: --with-python FILE."),
        )  # fmt: skip
    return scratch


def _unpacked(archive: Path, scratch: Path) -> Path:
    try:
        with tarfile.open(archive) as source:
            _extract(source, scratch)
    except (OSError, tarfile.TarError) as error:
        raise UsageError(
            _("{archive} is neither a version nor an archive of Python: {reason}.").format(
                archive=archive, reason=troubles.reason(error)
            ),
            advice=_(
                "Specify a .tar.gz in the layout of python-build-standalone (install_only), or a version such as 3.12."
            ),
        ) from error
    return scratch


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    """Unpack an archive. Raises tarfile.TarError if a member's path is outside the target folder.

    tarfile's own filter (PEP 706) requires Python 3.11.4; Debian 12 has 3.11.2.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(target, filter="data")
        return
    for member in archive:
        path = os.path.normpath(member.name)
        if os.path.isabs(path) or path.split(os.sep)[0] == os.pardir:
            raise tarfile.TarError(_("{name} points outside the archive").format(name=member.name))
        if member.isreg() or member.isdir():  # links are not bundled
            archive.extract(member, target)


def _home(root: Path, target: Target, given: str) -> Path:
    """Return the installation folder with the interpreter's program: the root, or one or two levels below.

    Raises BuildError if there is none.
    """
    for home in (root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))):
        path = home / _program(target)
        if path.is_file() and not path.is_symlink():
            return home.resolve()  # uv creates links next to it
    raise BuildError(
        _("{given} has no {program}, which {target} with Python {python} needs.").format(
            given=given, program=_program(target), target=target, python=target.python
        ),
        advice=_(
            "Specify a Python interpreter for the target's platform and version; with more than one "
            "--python, specify one for each."
        ),
    )


def _forget_place(home: Path) -> None:
    """Replace the path of the scratch folder, which uv wrote into sysconfig data, so that builds are reproducible."""
    for path in home.glob("lib/python*/_sysconfigdata_*.py"):
        path.write_bytes(path.read_bytes().replace(os.fsencode(home), BUILT_AT))


def _check_machine(program: Path, target: Target) -> None:
    """Raise BuildError if a program's header is not for the target's platform and architecture."""
    with program.open("rb") as file:
        data = file.read(4096)
    system = "linux" if target.platform == "musllinux" else target.platform
    try:
        if data[:4] == b"\x7fELF":
            found = MACHINES["linux"].get(struct.unpack_from("<H", data, 18)[0]) if system == "linux" else None
        elif data[:2] == b"MZ":
            place = struct.unpack_from("<I", data, 60)[0] + 4
            found = MACHINES["windows"].get(struct.unpack_from("<H", data, place)[0]) if system == "windows" else None
        else:
            found = MACHINES["macos"].get(struct.unpack_from("<I", data, 4)[0]) if system == "macos" else None
    except struct.error:
        found = None
    if found != target.architecture:
        raise BuildError(
            _("{program} is not a program for {target}.").format(program=program.name, target=target),
            advice=_("Specify a Python interpreter for the target's platform and architecture."),
        )


def _try(home: Path, program: Path) -> None:
    """Raise BuildError if an interpreter does not run from its current location or lacks a needed module."""
    done = process.run([str(program), "-I", "-B", "-c", NEEDED], env={"PATH": ""}, timeout=TRY_TIME_LIMIT)
    if not done.ok or Path(done.stdout.strip()).resolve() != home.resolve():
        reason = last_reason(done) if not done.ok else _("its prefix is {folder}").format(folder=done.stdout.strip())
        raise BuildError(
            _("{program} does not run from the folder it was unpacked to: {reason}").format(
                program=program, reason=reason
            ),
            advice=_("Specify a relocatable build of Python, such as those of python-build-standalone."),
        )


def _members(home: Path, target: Target) -> Iterator[Member]:
    program = _program(target)
    for path in sorted(home.rglob("*")):
        inner = path.relative_to(home).as_posix()
        if path.is_symlink() or not path.is_file() or any(fnmatchcase(inner, pattern) for pattern in LEFT_OUT):
            continue
        if inner.startswith("bin/") and inner != program:
            continue  # scripts, which contain paths of the machine that created them
        trouble = names.problem(f"{PYTHON}/{inner}")
        if trouble:
            raise BuildError(
                _("{file} of the Python interpreter cannot be bundled: {reason}.").format(
                    file=ascii(inner), reason=trouble
                )
            )
        sha256, size = digest.sha256_file(path)
        yield Member(FileEntry(f"{PYTHON}/{inner}", size, sha256, "interpreter"), path)
