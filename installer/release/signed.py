"""Compare a release with its signed manifest, without relying on the receipt, which could be rewritten on this host.

1. A stored wheel counts if its SHA-256 is that of the signed manifest; its RECORD then lists the digests of its files.
2. Every other file that the manifest lists must have the SHA-256 given there.
3. The files that the installer generates from the manifest (run.json, launch.py, links to data) are generated again
   and compared.
4. Some files are created on this host and have no signed digest: bytecode of files from items 1 and 2, the files that
   uv writes into every environment, and the path of the Python interpreter. They are counted; only the receipt
   authenticates them.
5. Every other file is reported as added.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import strict
from bundle.names import INSTALLER
from bundle.product.application import Application
from bundle.product.commands import TOOL
from bundle.wheels import overlaps, record
from bundle.wheels.files import MADE, WRITTEN, Environment, expected
from installer.layout import proofs
from installer.release import launchers, receipt, tools_environment
from installer.release.receipt import ADDED, ALTERED, MISSING, Deviation
from installer.release.stage import INTERPRETER, counterpart
from installer.userdata import persist
from shared import reading
from shared.errors import HostError, TrustError
from shared.files.zips import BROKEN
from shared.i18n import _
from shared.programs import app_launcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bundle.manifest import FileEntry, Manifest
    from installer.layout.release import Release
    from installer.layout.store import Store
    from installer.release.installation import Installation

LAUNCHER_MEMBER = launchers.FORMER_LAYOUT.rpartition("/")[0] + "/app_launcher.py"  # of the zipapp
# the files that uv writes into every environment, except the links to Python
_OF_UV = re.compile(
    r"pyvenv\.cfg|\.gitignore|CACHEDIR\.TAG|(bin|Scripts)/(activate(\.\w+|_this\.py)?|deactivate\.bat|pydoc\.bat)"
)
_PYTHON_LINK = re.compile(r"bin/python[0-9.]*")
_WINDOWS_PYTHON = re.compile(r"Scripts/pythonw?\.exe")


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison: the deviations, and the reason for each package that was not compared.

    ``same`` counts the files that match what was signed, ``wheels`` the wheels that were used, ``made`` the files that
    were created on this host.
    """

    deviations: tuple[Deviation, ...]
    uncompared: dict[str, str]
    same: int
    wheels: int
    made: int


@dataclass(frozen=True)
class Expected:
    """The expected contents of a release: for each path the digest and the owner.

    ``uncompared`` maps each package whose wheel cannot be compared to the reason. ``unknown`` lists the environments of
    these packages, for which the set of expected files is incomplete.
    """

    contents: dict[str, tuple[str, str]]
    uncompared: dict[str, str]
    unknown: frozenset[str]
    wheels: int


def compare(
    installation: Installation,
    hash_of: record.Hash,
    found: Mapping[str, str] | None = None,
    signed: Expected | None = None,
) -> Comparison:
    """Compare a release with its manifest, which must have been verified, and with the stored wheels.

    ``found`` is a recent result of ``receipt.contents``, and ``signed`` one of ``expected_contents``.
    """
    signed, release = signed or expected_contents(installation, hash_of), installation.release
    found = dict(receipt.contents(release.path, hash_of)) if found is None else found
    deviations, same, made = [], 0, 0
    for path, (content, owner) in signed.contents.items():
        if path not in found:
            if content != MADE and path.rpartition("/")[2] not in WRITTEN:
                deviations.append(Deviation(path, MISSING, owner))
        elif content == MADE:
            made += 1
        elif found[path] == content or _is_of_another(path, found[path], installation):
            same += 1
        else:
            deviations.append(Deviation(path, ALTERED, owner))
    for path in found.keys() - signed.contents.keys():
        if path.partition("/")[0] in signed.unknown:
            continue
        if _is_known(path, found[path], signed, release):
            made += 1
        else:
            deviations.append(Deviation(path, ADDED, receipt.area(path)))
    deviations += _false_records(signed, installation)
    ordered = sorted(set(deviations), key=lambda deviation: deviation.path)
    return Comparison(tuple(ordered), signed.uncompared, same, signed.wheels, made)


def _environments(manifest: Manifest) -> Iterator[tuple[Environment, str, FileEntry]]:
    """Yield the environment, the package and the manifest entry of each wheel of a release."""
    entries = {entry.path: entry for entry in manifest.of_kind("wheel")}
    for package in manifest.packages:
        yield overlaps.environment_of(manifest.target.python), package.name, entries[package.wheel]
    for entry in tools_environment.entries_of(manifest):
        name = tools_environment.package_of(entry).name
        yield Environment(tools_environment.FOLDER, manifest.target.python), name, entry


def _winners(manifest: Manifest) -> dict[str, str]:
    """Return the package whose file is installed for each path of a release that several packages install."""
    return {f"{overlaps.ROOT}/{conflict.path}": conflict.winner for conflict in manifest.conflicts}


def expected_contents(installation: Installation, hash_of: record.Hash) -> Expected:
    """Return what a release contains according to the manifest and the stored wheels."""
    contents, winners = dict(_of_the_manifest(installation)), _winners(installation.manifest)
    uncompared, unknown, wheels = {}, set(), list(_environments(installation.manifest))

    def read(wheel: tuple[Environment, str, FileEntry]) -> dict[str, str] | str:
        environment, _name, entry = wheel
        return _files_of(installation.store, environment, entry, hash_of)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (environment, name, _entry), files in zip(wheels, pool.map(read, wheels)):
            if isinstance(files, str):
                uncompared[name] = files
                unknown.add(environment.root)
            else:
                contents.update(
                    (path, (content, name)) for path, content in files.items() if winners.get(path, name) == name
                )
    return Expected(contents, uncompared, frozenset(unknown), len(wheels) - len(uncompared))


def _files_of(store: Store, environment: Environment, entry: FileEntry, hash_of: record.Hash) -> dict[str, str] | str:
    """Return the digests of the files that a wheel installs, by path, or the reason why they are unknown."""
    path = store.path(entry.sha256)
    try:
        found = hash_of(path) if store.has_size_of(entry) else None
        if found is None:
            return _("its wheel is not in the store")
        if found != entry.sha256:
            return _("its wheel in the store does not match the signed digest")
        with reading.opened(path, limit=entry.size) as file:
            return expected(file, environment)
    except OSError as error:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (*BROKEN, ValueError, StopIteration, KeyError) as error:
        return _("cannot read its wheel: {reason}").format(reason=error)


def _of_the_manifest(installation: Installation) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (path, (content, owner)) for each file that the manifest lists or that is generated from it alone."""
    release, manifest, data = installation.release, installation.manifest, installation.prefix.data
    in_data = {entry.path for entry in persist.shipped(manifest)}
    for entry in manifest.files:
        place = counterpart(release, entry) if entry.is_stored and entry.path not in in_data else None
        if place is not None:
            path = place.relative_to(release.path).as_posix()
            yield path, (entry.sha256, receipt.area(path))
    for folder in manifest.application.persist:
        place = release.app / folder
        target = MADE if sys.platform == "win32" else f"-> {os.path.relpath(data / folder, place.parent)}"
        yield f"app/{folder}", (target, receipt.APP)
    if launchers.knows_the_command(release.bundle / INSTALLER):
        yield launchers.COMMAND_FILE, (hashlib.sha256(f"{TOOL}\n".encode()).hexdigest(), receipt.RELEASE)
    yield release.run_file.name, (hashlib.sha256(strict.dumps(launchers.run_of(manifest))).hexdigest(), receipt.RELEASE)
    with open(app_launcher.__file__, "rb") as file:
        yield release.launch_file.name, (hashlib.sha256(file.read()).hexdigest(), receipt.RELEASE)


def _is_of_another(path: str, content: str, installation: Installation) -> bool:
    """Return whether a file is the one that an earlier installer generated from the manifest."""
    release = installation.release
    if path == launchers.COMMAND_FILE:  # the first installers that wrote it used CRLF on Windows
        return content == hashlib.sha256(f"{TOOL}\r\n".encode()).hexdigest()
    if path == release.run_file.name:
        try:
            run = strict.loads(
                reading.read(release.run_file, app_launcher.RUN_LIMIT), path, limit=app_launcher.RUN_LIMIT
            )
            return Application.from_json(run, path) == installation.manifest.application
        except (OSError, TrustError):
            return False
    if path == release.launch_file.name:
        try:
            with reading.opened(release.bundle / INSTALLER) as file, zipfile.ZipFile(file) as zipapp:
                return hashlib.sha256(zipapp.read(LAUNCHER_MEMBER)).hexdigest() == content
        except (*BROKEN, OSError, KeyError):
            return False
    return False


def _is_known(path: str, content: str, signed: Expected, release: Release) -> bool:
    """Return whether a file without a signed digest is of a kind that is created on this host."""
    module = record.module_of(path)
    if module is not None:
        return module.replace(os.sep, "/") in signed.contents
    folder, _slash, name = path.partition("/")
    if path == INTERPRETER or (folder == release.bundle.name and proofs.is_metadata(name)):
        return True  # the signatures over the manifest are verified elsewhere
    root, _slash, inner = path.partition("/")
    if root not in ("venv", tools_environment.FOLDER):
        return False
    if inner == "lib64":
        return content == "-> lib"
    if _PYTHON_LINK.fullmatch(inner):
        return content == "-> python" or (inner == "bin/python" and content.startswith("-> "))
    if sys.platform == "win32" and _WINDOWS_PYTHON.fullmatch(inner):
        return True
    return _OF_UV.fullmatch(inner) is not None


def _false_records(signed: Expected, installation: Installation) -> Iterator[Deviation]:
    """Yield a deviation for each installed RECORD that lists a different digest for a file than the wheel does."""
    release = installation.release
    top = f"{release.path}{os.sep}"
    for root in (overlaps.ROOT, tools_environment.FOLDER):
        site = Environment(root, installation.manifest.target.python).site
        try:
            lines = record.recorded(release.path / site, installation.winners)
        except HostError:
            continue  # a RECORD that cannot be read differs from the receipt
        for line in lines:
            inner = line.path[len(top) :] if line.path.startswith(top) else os.path.relpath(line.path, top)
            path = inner.replace(os.sep, "/")
            content, owner = signed.contents.get(path, (MADE, ""))
            if content != MADE and line.sha256 not in (None, content):
                yield from (
                    Deviation(f"{site}/{folder.name}/RECORD", ALTERED, owner)
                    for name, _version, folder in record.distributions(release.path / site)
                    if name == owner
                )
