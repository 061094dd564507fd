"""All that can be known before the first write, in one list."""

from __future__ import annotations

import contextlib
import os
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.product.commands import FORMER_TOOL
from installer.change import migration, retention
from installer.install import delta, tried
from installer.install.host_findings import Finding, clock, processes, runtime
from installer.install.tried import OWN, nearest, trouble_writing
from installer.layout import misplaced, service
from installer.layout.location import own_command
from installer.layout.location.finding import lost_state, recover_advice
from installer.layout.location.placement import name_of
from installer.layout.prefix import MOVED, Prefix
from installer.layout.store import OWN_COPY_LIMIT, Store
from installer.release import launchers
from installer.userdata import backups, persist, userdata
from shared import reading, troubles
from shared.errors import HostError, RagtraceError
from shared.files import files, trials
from shared.i18n import _, plural
from shared.processes import process
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bundle.manifest import Manifest
    from bundle.opening import Bundle
    from installer.layout.release import Release

__all__ = ["Finding", "demand", "nearest", "needed_bytes", "of_bundle", "preflight", "repair_space", "runtime"]

RESERVE = 64 << 20  # bytes left free for logs, the journal and the filesystem itself
BYTECODE_SHARE = 0.35  # of the installed bytes: what acceptance compiles at most, measured on 48,000 files
FILES_RESERVE = 1000  # inodes
TRY_TIMEOUT = 30.0  # seconds
WINDOWS_PATH_LIMIT = 259


def preflight(manifest: Manifest, prefix: Prefix) -> list[Finding]:
    """Return every finding; nothing is left behind on disk."""
    return [
        *runtime(manifest),
        clock(manifest),
        _place(prefix),
        *_service(prefix),
        *tried.sizes(manifest),
        _writable(prefix),
        _executable(prefix),
        *_linking(manifest, prefix),
        *tried.locks(prefix),
        *tried.keeping(prefix),
        tried.interpreter(),
        *tried.installing(prefix),
        tried.programs(),
        *tried.settings(prefix),
        *_space(manifest, prefix),
        *_inodes(manifest, prefix),
        *_path_length(manifest, prefix),
        *_data(manifest, prefix),
        *tried.copying(prefix),
        *_commands(manifest, prefix),
        *processes(prefix),
    ]


def of_bundle(bundle: Bundle, prefix: Prefix) -> list[Finding]:
    """Return every finding, what a delta bundle builds on included."""
    coming = prefix.new_release(bundle.manifest.product.counter, bundle.manifest_sha256)
    return [
        *preflight(bundle.manifest, prefix),
        *delta.findings(bundle, Store(prefix.store)),
        *in_use(prefix, coming),
    ]


def in_use(prefix: Prefix, coming: Release) -> Iterator[Finding]:
    """Return whether more releases would wait for their programs to end than may."""
    waiting = retention.too_many(prefix, coming)
    if waiting:
        names = ", ".join(f"{gone.release} ({', '.join(map(str, gone.users)) or '?'})" for gone in waiting)
        yield Finding(
            _("Previous releases"),
            False,
            _("previous releases are still running (processes): {names}; at most {most} are retained for that").format(
                names=names, most=retention.MOST_IN_USE
            ),
            _("Stop these programs, then try again."),
        )


def removals(bundle: Bundle, prefix: Prefix) -> list[str]:
    """Return a sentence for each release that goes once the bundle's is active."""
    coming = prefix.new_release(bundle.manifest.product.counter, bundle.manifest_sha256)
    return [retention.sentence(gone) for gone in retention.going(prefix, coming)]


def demand(findings: list[Finding]) -> None:
    """Raise HostError for the first finding that does not fit."""
    for finding in findings:
        if not finding.fits:
            raise HostError(f"{finding.details}.", advice=finding.advice)


def _place(prefix: Prefix) -> Finding:
    root = prefix.root
    name, advice = _("Folder"), _("Specify an empty or new folder with --prefix.")
    if root.is_symlink():
        return Finding(name, False, _("{path} is a symbolic link").format(path=root), advice)
    if root.exists() and not root.is_dir():
        return Finding(name, False, _("{path} is not a folder").format(path=root), advice)
    if prefix.is_bereft:
        return Finding(name, False, lost_state(prefix).rstrip("."), recover_advice(prefix))
    if root.is_dir() and not prefix.exists and any(_is_strange(prefix, path) for path in root.iterdir()):
        return Finding(name, False, _("{path} contains files that this tool did not create").format(path=root), advice)
    outer = None if prefix.exists else _around(root)
    if outer:
        details = _("{path} is inside another installation ({outer}), which would back it up, migrate or remove it")
        details = details.format(path=root, outer=outer)
        return Finding(name, False, details, _("Specify a folder outside it with --prefix."))
    for folder in (prefix.releases, prefix.bin):
        if folder.is_symlink():
            details = _("{path} is a link; from its target, neither data nor settings can be found")
            return Finding(name, False, details.format(path=folder), misplaced.move_back())
    return Finding(name, True, str(root))


def _around(root: Path) -> Path | None:
    """Return the folder of another installation, or of what one left, that a new one would be in."""
    for path in Path(os.path.realpath(root)).parents:
        with contextlib.suppress(OSError):  # what we may not read is not ours
            outer = Prefix(path)
            if outer.exists or outer.is_left or outer.is_bereft:
                return path
    return None


def _is_strange(prefix: Prefix, path: Path) -> bool:
    """Return whether a file is neither what an uninstallation leaves nor what a killed write test left."""
    left = (prefix.data, prefix.env_file, prefix.backups, prefix.models)
    # somebody's files in folders of ours keep those; a folder that stood in the place of `current` was moved aside
    folders = (prefix.state, prefix.bin, prefix.releases, prefix.store.parent)
    is_left = prefix.is_left and (path in folders or path.name.startswith(MOVED))
    return path not in left and not is_left and not path.name.startswith(OWN)


def _commands(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    """Tell what becomes of a file in PREFIX/bin whose name goes to somebody else."""
    name, former, tool = _("Commands"), launchers.former_tool(prefix), own_command.in_prefix(prefix.root)
    for path in launchers.strangers(prefix, manifest):
        details = _("{path} was not created by this installer, but the release has a command with that name")
        yield Finding(name, False, details.format(path=path), _("Move it elsewhere."))
    if former is None:
        return
    details = _("{former} starts this tool; its command will be {tool}").format(former=former, tool=tool)
    if FORMER_TOOL in manifest.application.commands:
        advice = _(
            "From then on {former} starts {title}: update whatever calls this tool by that name, such "
            "as scheduled jobs."
        )
    else:
        advice = _("{former} is removed: update whatever calls this tool by that name, such as scheduled jobs.")
    yield Finding(name, True, details, advice.format(former=former, title=manifest.product.title), warns=True)


def _service(prefix: Prefix) -> Iterator[Finding]:
    """Return whether the account that runs the application, another than root, could read its settings."""
    owner, account = service.settings_of_another(prefix)
    if owner:
        details = _("{path} belongs to {owner}, but the data belongs to {account}, which runs the application")
        advice = _("Make that account its owner: chown {account} {path}")
        yield Finding(
            _("Service account"),
            True,
            details.format(path=prefix.env_file, owner=owner, account=account),
            advice.format(path=prefix.env_file, account=account),
            warns=True,
        )


def _writable(prefix: Prefix) -> Finding:
    name, advice = _("Permission"), _("Give this user write permission there, or specify another folder with --prefix.")
    ours = [path for path in prefix.folders if path.is_dir()] if prefix.exists else []
    places = ours or [nearest(prefix.root)]
    for place in places:
        trouble = trouble_writing(place)
        if trouble:
            account = service.account_of(place)
            details = _("{path} cannot be written: {reason}")
            if account is not None:
                details = _("{path} cannot be written by {account}: {reason}")
                advice = _("Give that account the right to write there, and to enter every folder above.")
            whom = name_of(account.user) if account else ""
            return Finding(name, False, details.format(path=place, account=whom, reason=trouble), advice)
    return Finding(name, True, _("{path} can be written").format(path=places[0]))


def _executable(prefix: Prefix) -> Finding:
    """Try to run a program there: a filesystem mounted noexec takes files and runs none."""
    name, place = _("Execution"), nearest(prefix.root)
    advice = _("With --prefix, specify a folder on a filesystem that is not mounted noexec.")
    if sys.platform == "win32":
        return Finding(name, True, _("every folder allows execution"))
    try:
        with trials.beside(place) as folder:
            program = os.path.join(folder, "try")
            with open(program, "w", encoding="ascii") as file:
                file.write("#!/bin/sh\nexit 0\n")
            os.chmod(program, 0o700)
            ended = process.run([program], timeout=TRY_TIMEOUT)
    except RagtraceError as error:  # a limit or a missing device is reported as what it is
        return Finding(name, False, error.what.rstrip("."), error.advice)
    except OSError as error:
        details = _("could not test in {path}: {reason}").format(path=place, reason=troubles.reason(error))
        return Finding(name, True, details, advice, warns=True)
    return Finding(name, ended.ok, _("programs can run in {path}").format(path=place), advice)


def _linking(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    """Try to let one folder lead to another, as a release's do to the user's data: FAT and some shares cannot."""
    if not manifest.application.persist:
        return
    name, place = _("Links"), nearest(prefix.releases)
    if trouble_writing(place):
        return  # the finding on permission reports it
    with trials.beside(place) as folder:
        link = folder / "link"
        try:
            persist.lead(link, folder)
        except OSError as error:
            details = _("links to folders cannot be created in {path}: {reason}").format(
                path=place, reason=troubles.reason(error)
            )
            advice = _("With --prefix, specify a folder on another filesystem (Windows: NTFS or ReFS).")
            yield Finding(name, False, details, advice)
            return
        link.unlink()
    yield Finding(name, True, _("links to folders can be created in {path}").format(path=place))


def needed_bytes(manifest: Manifest) -> int:
    """Return the most that an installation holds at once: stored files, the release, its bytecode."""
    return manifest.total_bytes + _release_bytes(manifest) + RESERVE


def _release_bytes(manifest: Manifest) -> int:
    return int(manifest.installed_bytes * (1 + BYTECODE_SHARE)) + _own_copies(manifest)


def _own_copies(manifest: Manifest) -> int:
    """Return the bytes that a release has beside the store's (``Store.lay``) and that the manifest does not count."""
    kinds = ("model", "plugin", "verification", "lock")
    return sum(entry.size for entry in manifest.files if entry.kind in kinds and entry.size <= OWN_COPY_LIMIT)


def _space(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    """Inspect each filesystem that takes part: folders of a prefix may be mounts."""
    shares = (
        (prefix.root, RESERVE),
        (prefix.store, manifest.total_bytes),
        (prefix.releases, _release_bytes(manifest)),
        *_copies(manifest, prefix),
    )
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}
    for path, share in shares:
        place = nearest(path)
        device = place.stat().st_dev
        needed[device] = needed.get(device, 0) + share
        places.setdefault(device, place)
    return (_free(places[device], share) for device, share in needed.items())


def _copies(manifest: Manifest, prefix: Prefix) -> Iterator[tuple[Path, int]]:
    """Yield where copies of the user's data go, and what they take; the finding on the backup reports errors."""
    with contextlib.suppress(OSError):
        yield prefix.backups, backups.needed_bytes(prefix)
        yield prefix.root, userdata.size(prefix.data) if _migrates(manifest, prefix) else 0


def _free(place: Path, needed: int) -> Finding:
    free = files.free_bytes(place)
    if free is None:
        details = _("the free space on {path} is unknown").format(path=place)
        advice = _("Make sure that {needed} are free there.").format(needed=human_bytes(needed))
        return Finding(_("Space"), True, details, advice, warns=True)
    details = _("{free} free on {path}, {needed} needed").format(
        free=human_bytes(free), path=place, needed=human_bytes(needed)
    )
    return Finding(
        _("Space"), free >= needed, details, _("Free up space there, or specify another disk with --prefix.")
    )


def repair_space(manifest: Manifest, prefix: Prefix, packages: Collection[str] | None) -> Finding:
    """Inspect the space for a repair that installs some packages again, or all (None); the rest is linked."""
    if packages is None:
        return _free(nearest(prefix.releases), _release_bytes(manifest) + RESERVE)
    wheels = {package.wheel for package in manifest.packages if package.name in packages}
    store = Store(prefix.store)
    again = sum(_unpacked(store.path(entry.sha256)) for entry in manifest.of_kind("wheel") if entry.path in wheels)
    laid = sum(entry.size for entry in manifest.of_kind("source")) + _own_copies(manifest)
    return _free(nearest(prefix.releases), int(again * (1 + BYTECODE_SHARE)) + laid + RESERVE)


def _unpacked(wheel: Path) -> int:
    """Return the bytes that a stored wheel takes unpacked; whether it is sound is for its installation to tell."""
    try:
        with reading.opened(wheel) as file, zipfile.ZipFile(file) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (OSError, zipfile.BadZipFile):
        return 0


def _migrates(manifest: Manifest, prefix: Prefix) -> bool:
    try:
        return migration.is_due(manifest, prefix)
    except HostError:
        return False


def _data(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    """Return whether the user's data must come to another layout, and whether they can."""
    name = _("Data")
    try:
        if migration.is_due(manifest, prefix):
            userdata.demand_movable(prefix)
            number = manifest.application.data_layout
            yield Finding(name, True, _("a copy is migrated to layout {number}").format(number=number))
    except HostError as trouble:
        yield Finding(name, False, trouble.what.rstrip("."), trouble.advice)
    except PermissionError:
        return  # the finding on the backup reports it


def _inodes(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    place = nearest(prefix.root)
    try:
        status = os.statvfs(place)
    except OSError:
        return  # the finding on space reports it
    if not status.f_files:
        return  # the filesystem makes inodes as it needs them
    needed = 2 * manifest.installed_files + len(manifest.files) + FILES_RESERVE  # bytecode doubles them at most
    details = plural(
        "{free} inode free on {path}, {needed} needed", "{free} inodes free on {path}, {needed} needed", status.f_favail
    ).format(free=status.f_favail, path=place, needed=needed)
    yield Finding(_("Inodes"), status.f_favail >= needed, details, _("Remove files there, or specify another disk."))


def _path_length(manifest: Manifest, prefix: Prefix) -> Iterator[Finding]:
    if sys.platform != "win32":
        return
    longest = max((len(entry.inner) for entry in manifest.of_kind("source")), default=0)
    length = len(str(prefix.releases)) + 40 + longest
    yield Finding(
        _("Path length"),
        length <= WINDOWS_PATH_LIMIT,
        _("the longest path has {length} characters").format(length=length),
        _("Specify a shorter path with --prefix."),
    )
