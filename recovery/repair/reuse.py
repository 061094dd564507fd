"""Reuse the intact packages of a damaged release.

Each file is hard-linked into the new release, and its digest there is checked against the receipt; a file that has
changed since it was hashed in this run is read again. Hard links are permitted because the damaged release is removed
once the repaired one is active.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.release import acceptance, tools_environment
from installer.release.receipt import APP, MODELS, RELEASE, VENV
from shared.errors import InstallError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from installer.layout.release import Release
    from installer.release.digests import Digests
    from installer.release.receipt import Deviation, Item, Receipt

BATCH = 64  # files per queue item, each of which one thread handles
COMPILE_TIMEOUT = 600.0  # seconds


def good_items(receipt: Receipt, deviations: tuple[Deviation, ...], reinstalled: frozenset[str]) -> Iterator[Item]:
    """Yield the files of packages in the environment, except damaged files and packages that are reinstalled.

    If all of the application's files are intact, they are included, so that their mtimes match those in the bytecode. A
    path of the receipt that points outside the release counts as damaged, because it is not found in the release.
    """
    damaged = {deviation.path for deviation in deviations}
    owners = {item.owner for item in receipt.items} - {APP, MODELS, VENV, RELEASE}
    taken = {owner for owner in owners if record.normalised(owner) not in reinstalled}
    places = ("venv/", "app/") if app_is_whole(deviations) else ("venv/",)
    if app_is_whole(deviations):
        taken.add(APP)
    for item in receipt.items:
        is_taken = item.path.startswith(places) and not item.content.startswith("-> ")
        if is_taken and item.owner in taken and item.path not in damaged:
            yield item


def app_is_whole(deviations: tuple[Deviation, ...]) -> bool:
    """Return whether the application's own files, including their bytecode, match the receipt."""
    return not any(deviation.path.startswith("app/") for deviation in deviations)


def tool_items(receipt: Receipt, deviations: tuple[Deviation, ...], release: Release) -> Iterator[Item]:
    """Yield the intact files of the scanners' environment that the new, empty one does not have."""
    damaged = {deviation.path for deviation in deviations}
    for item in receipt.items:
        in_tools = item.path.startswith(f"{tools_environment.FOLDER}/") and not item.content.startswith("-> ")
        if in_tools and item.path not in damaged and not os.path.lexists(os.path.join(release.path, item.path)):
            yield item


def take_over(items: list[Item], damaged: Release, release: Release, digests: Digests) -> None:
    """Link or copy files of a damaged release into a new one.

    Raises InstallError if a file no longer matches the receipt.
    """
    old, new = str(damaged.path), str(release.path)
    for folder in {item.path.rpartition("/")[0] for item in items}:
        os.makedirs(os.path.join(new, folder), exist_ok=True)

    def take(batch: list[Item]) -> None:
        for item in batch:
            source, target = f"{old}{os.sep}{item.path}", f"{new}{os.sep}{item.path}"
            if give(source, target, digests) != item.content:
                raise InstallError(_("{path} changed while it was being reused.").format(path=source))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _done in pool.map(take, [items[start : start + BATCH] for start in range(0, len(items), BATCH)]):
            pass


def reuse_files(paths: Collection[str], damaged: Release, release: Release) -> None:
    """Link or copy into a new release the damaged files that nothing can replace; only regular files are reused."""
    for path in paths:
        source, target = os.path.join(damaged.path, path), os.path.join(release.path, path)
        if not _is_plain(source, damaged.path):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            os.unlink(target)
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)


def _is_plain(path: str, top: Path) -> bool:
    """Return whether a path below a folder is a regular file and contains no link."""
    return os.path.realpath(path) == os.path.join(os.path.realpath(top), os.path.relpath(path, top)) and os.path.isfile(
        path
    )


def give(source: str, target: str, digests: Digests) -> str | None:
    """Create a hard link to a file, or a copy if that is not possible, in place of any other file; return its digest.

    The copy keeps the times, because bytecode contains the time of its module (PEP 552).
    """
    digests(source)  # read again if it changed since the check, as the new link changes its ctime
    try:
        try:
            os.link(source, target)
        except FileExistsError:
            os.unlink(target)
            os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)
    return digests.renew(target) or digests(target)


def compile_again(receipt: Receipt, release: Release, damaged: Collection[str] = ()) -> None:
    """Write the bytecode that the damaged release had and the new one lacks, as imports would write it.

    ``damaged`` modules are left out. Raises InstallError if any other module does not compile.
    """
    top = str(release.path)
    left_out = {os.path.join(top, path) for path in damaged}
    lost = (os.path.join(top, item.path) for item in receipt.items if item.path.endswith(".pyc"))
    modules = [record.module_of(path) for path in lost if not os.path.lexists(path)]
    there = [
        module
        for module in modules
        if module is not None and module not in left_out and os.path.isfile(module) and "\n" not in module
    ]
    if not there:
        return
    argv = [str(release.python), "-I", "-X", "utf8", "-m", "compileall", "-q", "-i", "-"]
    env, names = acceptance.basic_environment(), "".join(f"{module}\n" for module in there)
    ended = process.run(argv, env=env, cwd=release.path, timeout=COMPILE_TIMEOUT, stdin=names.encode())
    if not ended.ok:
        raise InstallError(
            _("The modules of the installed packages do not compile: {last}").format(
                last=acceptance.last_line(ended.stdout + ended.stderr)
            )
        )
