"""The zipapp for one platform and architecture, which runs on CPython 3.9 to 3.15.

The wheels come from the project's own hashed uv.lock, merged for all minor versions into one
site-packages: pure and abi3 wheels once, the extension modules of the others next to each other
(their file names contain the ABI, PEP 3149). shiv creates the archive; a last pass adds the launcher
and the digests, and removes all differences between two builds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from builder.lock.installer_wheels import PROJECT, Chosen, choose_wheels, read_installer_lock
from builder.wheels.wheels import fetch_wheels
from builder.zipapp.catalogues import compile_all
from bundle.digest import sha256_bytes, sha256_file
from bundle.signing.policy_files import PINS
from shared.errors import BuildError
from shared.files import temp_folders
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from builder.fetch.fetching import Fetching
    from bundle.target import Target

ROOT = PROJECT
OWN_PACKAGES = ("bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared")
LAUNCHER = "launch"  # the package of bootstrap that is placed at the root of the zip
# modules that the launcher shares with the installer: ownership of paths, and OS errors behind those of zipfile
RULES = ("shared/files/owners.py", "shared/files/refused.py")
ENTRY_POINT = "bootstrap.cli:main"
# paths at which installers of other versions look for the application launcher (installer/release/signed.py)
PREVIOUS_PLACES = {"bootstrap/app_launcher.py": "shared/programs/app_launcher.py"}
EARLIEST = 315532800  # seconds since 1970; a zip cannot store a time before 1980
COMPRESSION_LEVEL = 6
# Excluded because it is never imported or run on a host, and every file costs a check at each start.
LEFT_OUT = re.compile(
    r"cffi/.*|.*\.(pyi|h|c|typed)|[^/]+/tests/.*|.*\.data/(?!(scripts|purelib|platlib)/).*"
    r"|[^/]+\.dist-info/(RECORD|WHEEL|top_level\.txt|entry_points\.txt)"
)


@dataclass(frozen=True)
class Packing:
    """Options for packing a zipapp: the pinned policy, if any, which is stored as policy.json, and the entry point.

    ``epoch`` is the timestamp of every member in Unix time; anything before EARLIEST is raised to it.
    """

    policy: bytes | None = None
    epoch: int = EARLIEST
    entry_point: str = ENTRY_POINT


def build_zipapp(output: Path, target: Target, fetching: Fetching, packing: Packing) -> Path:
    """Write the zipapp for the target's platform and architecture to ``output`` and return it.

    The target's Python and glibc are ignored. Raises BuildError if a wheel is missing, cannot be fetched or does not
    match the lockfile.
    """
    with temp_folders.scratch() as scratch:
        site = scratch / "site-packages"
        floor = stage(site, target, fetching)
        fetching.progress.step(_("Packing the installer for {target}").format(target=target))
        pack(site, output, describe(site, target, floor), packing)
    return output


def stage(site: Path, target: Target, fetching: Fetching) -> tuple[int, int] | None:
    """Write all files that run on the host into ``site``, and return the lowest glibc that they need, or None."""
    fetching.progress.step(_("Collecting the installer's wheels for {target}").format(target=target))
    wheels, floor = choose_wheels(read_installer_lock(ROOT), target)
    files = fetch_wheels([chosen.wheel for chosen in wheels], fetching)
    for chosen in wheels:
        unpack_wheel(chosen, files[chosen.wheel], site)
    add_own_packages(ROOT, site)
    return floor


def pack(site: Path, output: Path, digests: bytes, packing: Packing) -> None:
    """Create a reproducible executable file from the staged site-packages."""
    output.parent.mkdir(parents=True, exist_ok=True)
    bare = output.with_name(f".{output.name}.{os.getpid()}.bare")
    launcher = [*sorted((ROOT / "bootstrap" / LAUNCHER).glob("*.py")), *(ROOT / rule for rule in RULES)]
    extra = {"digests.json": digests, **{f"{LAUNCHER}/{path.name}": path.read_bytes() for path in launcher}}
    if packing.policy is not None:
        extra[PINS] = packing.policy
    try:
        make_bare(site, bare, digests, packing)
        finish(bare, output, extra, packing.epoch)
    finally:
        bare.unlink(missing_ok=True)


# the wheels


def unpack_wheel(wheel: Chosen, file: Path, site: Path) -> None:
    """Unpack a wheel's files into site-packages (PEP 427), and the uv program into site-packages/bin.

    Wheels of one package for several minor versions are merged. Raises BuildError, with the file's name, if
    the same file differs between them.
    """
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = _installed_name(member.filename)
            if member.is_dir() or name is None:
                continue
            path, data = site / name, archive.read(member)
            # the metadata of each wheel differs in tag and digests; that of the first wheel is used
            metadata = PurePosixPath(name).parts[0].endswith(".dist-info")
            if path.exists() and not metadata and path.read_bytes() != data:
                raise BuildError(
                    _(
                        "The wheels of {package} for different Python versions contain different copies of {name}."
                    ).format(name=name, package=wheel.wheel.name),
                    advice=_("Lock a version of {package} with abi3 wheels.").format(package=wheel.wheel.name),
                )
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                path.chmod(0o755 if name.startswith("bin/") else 0o644)


def _installed_name(name: str) -> str | None:
    """Return the path of a wheel's member below site-packages, or None if it is excluded.

    Raises BuildError if the installer may not contain a file of that name.
    """
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or name.endswith(".pth"):
        raise BuildError(_("A wheel contains {name!r}, which is not allowed in the installer.").format(name=name))
    if LEFT_OUT.fullmatch(name):
        return None
    if not parts[0].endswith(".data"):
        return name
    if parts[1] == "scripts":
        return f"bin/{parts[2]}" if PurePosixPath(name).stem == "uv" else None
    return "/".join(parts[2:])


def add_own_packages(project: Path, site: Path) -> None:
    """Add this project's own packages: sources, data and compiled translations."""

    def unwanted(folder: str, names: list[str]) -> set[str]:
        own = project / "bootstrap"
        return {
            name
            for name in names
            if name.startswith(".")
            or name == "__pycache__"
            or name.endswith((".pyc", ".po", ".mo"))
            or (name == LAUNCHER and Path(folder) == own)
        }

    for package in OWN_PACKAGES:
        shutil.copytree(project / package, site / package, ignore=unwanted)
    compile_all(project / "shared" / "locale", site / "shared" / "locale")
    for previous, path in PREVIOUS_PLACES.items():
        shutil.copyfile(project / path, site / previous)


# the archive


def describe(site: Path, target: Target, floor: tuple[int, int] | None) -> bytes:
    """Return the contents of digests.json, against which the launcher checks the host and its cache."""
    files = {
        path.relative_to(site).as_posix(): (*sha256_file(path), 0o755 if path.parent == site / "bin" else 0o644)
        for path in sorted(site.rglob("*"))
        if path.is_file()
    }
    facts = {
        "platform": target.platform,
        "architecture": target.architecture,
        "glibc": floor,
        "suffixes": sorted(_suffixes(files)),
        "build_id": "",
        "files": files,
    }
    facts["build_id"] = sha256_bytes(_json(facts))[:16]
    return _json(facts)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _suffixes(files: Mapping[str, Any]) -> Iterator[str]:
    """Yield the suffixes of version-specific extension modules, which identify builds of Python."""
    for path in files:
        matched = re.search(r"\.(cpython|cp)-?3[0-9]+t?-[A-Za-z0-9_-]+\.(so|pyd)$", path)
        if matched:
            yield matched[0]


def make_bare(site: Path, output: Path, digests: bytes, packing: Packing) -> None:
    """Create the archive with shiv: its bootstrap, its environment, and the staged site-packages."""
    from shiv.bootstrap.environment import Environment
    from shiv.builder import create_archive
    from shiv.constants import BUILD_AT_TIMESTAMP_FORMAT

    environment = Environment(
        built_at=time.strftime(BUILD_AT_TIMESTAMP_FORMAT, time.gmtime(max(packing.epoch, EARLIEST))),
        shiv_version=version("shiv"),
        build_id=json.loads(digests)["build_id"],
        entry_point=packing.entry_point,
        compile_pyc=False,
        root="$RAGTRACE_CACHE_ROOT",
        reproducible=True,
    )
    create_archive(
        [site], output, interpreter="/usr/bin/env python3", main="launch:run", env=environment, compressed=False
    )


def finish(bare: Path, output: Path, extra: Mapping[str, bytes], epoch: int) -> None:
    """Rewrite the archive with the extra members, sorted, with fixed times and modes."""
    moment = time.gmtime(max(epoch, EARLIEST))[:6]
    beside = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(bare) as source, beside.open("wb") as file:
            file.write(b"#!/usr/bin/env python3\n")
            with zipfile.ZipFile(file, "w") as archive:
                for name in sorted([*source.namelist(), *extra]):
                    member = zipfile.ZipInfo(name, moment)
                    member.create_system = 3  # Unix, on every build machine
                    program = name.startswith("site-packages/bin/")
                    member.external_attr = (0o100755 if program else 0o100644) << 16
                    # the code that refuses an incomplete Python must not need zlib
                    member.compress_type = (
                        zipfile.ZIP_DEFLATED if name.startswith("site-packages/") else zipfile.ZIP_STORED
                    )
                    data = extra[name] if name in extra else source.read(name)
                    archive.writestr(member, data, compresslevel=COMPRESSION_LEVEL)
        beside.chmod(0o755)
        os.replace(beside, output)
    finally:
        beside.unlink(missing_ok=True)
