"""All checks that are possible before the first write, in one list."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.product.commands import PREVIOUS_TOOL
from installer.change import migration, retention, space
from installer.install import delta, host_results, probes, requirements
from installer.install.host_results import HostResult
from installer.install.probes import OWN, nearest, trouble_writing
from installer.layout import misplaced, service_account
from installer.layout.location import own_command
from installer.layout.location.finding import lost_state, recover_advice
from installer.layout.location.placement import name_of
from installer.layout.prefix import MOVED, Prefix
from installer.layout.store import Store
from installer.release import launchers
from installer.userdata import userdata
from shared.errors import HostError
from shared.files import files
from shared.i18n import _, plural
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bundle.manifest import Manifest
    from bundle.opening import Bundle
    from installer.layout.release import Release

__all__ = [
    "HostResult",
    "nearest",
    "of_bundle",
    "preflight",
    "removals",
    "repair_space",
    "require_ok",
    "runtime",
    "too_many_running",
]


def runtime(manifest: Manifest) -> list[HostResult]:
    """Return the findings on whether a manifest is for this platform and interpreter."""
    asked = [finding for requirement in requirements.OF_A_RELEASE for finding in requirement.here(manifest)]
    return [host_results.target(manifest), *asked, *host_results.distutils(manifest)]


def preflight(manifest: Manifest, prefix: Prefix) -> list[HostResult]:
    """Return every finding; leaves nothing on disk."""
    return [
        *runtime(manifest),
        *requirements.INSTRUCTIONS.here(manifest),
        *host_results.accelerators(manifest),
        *requirements.CLOCK.here(manifest),
        _place(prefix),
        *_service(prefix),
        *probes.sizes(manifest),
        _writable(prefix),
        probes.executing(prefix),
        *probes.linking(manifest, prefix),
        *probes.locks(prefix),
        *probes.keeping(prefix),
        probes.interpreter(),
        *probes.installing(prefix),
        probes.programs(),
        *probes.settings(prefix),
        *_space(manifest, prefix),
        *_inodes(manifest, prefix),
        *_path_length(manifest, prefix),
        *_data(manifest, prefix),
        *probes.copying(prefix),
        *_commands(manifest, prefix),
        *host_results.processes(prefix),
    ]


def of_bundle(bundle: Bundle, prefix: Prefix) -> list[HostResult]:
    """Return every finding, including those on the base of a delta bundle and on releases that are still running."""
    coming = prefix.coming(bundle)
    return [
        *preflight(bundle.manifest, prefix),
        *delta.findings(bundle, Store(prefix.store)),
        *too_many_running(prefix, coming),
    ]


def too_many_running(prefix: Prefix, coming: Release) -> Iterator[HostResult]:
    """Yield a finding if too many previous releases are still running."""
    waiting = retention.too_many(prefix, coming)
    if waiting:
        names = ", ".join(f"{gone.release} ({', '.join(map(str, gone.users)) or '?'})" for gone in waiting)
        yield HostResult(
            _("Previous releases"),
            False,
            _(
                "previous releases are still running (processes): {names}; at most {most} running ones are retained"
            ).format(names=names, most=retention.MOST_IN_USE),
            _("Stop these programs, then try again."),
        )


def removals(bundle: Bundle, prefix: Prefix) -> list[str]:
    """Return a sentence for each release that is removed once the bundle's release is active."""
    coming = prefix.coming(bundle)
    return [retention.sentence(gone) for gone in retention.planned_removals(prefix, coming)]


def require_ok(findings: list[HostResult]) -> None:
    """Raise HostError for the first finding that does not fit."""
    for finding in findings:
        if not finding.fits:
            raise HostError(f"{finding.details}.", advice=finding.advice)


def _place(prefix: Prefix) -> HostResult:
    root = prefix.root
    name, advice = _("Folder"), _("Specify an empty or new folder with --prefix.")
    if root.is_symlink():
        return HostResult(name, False, _("{path} is a symbolic link").format(path=root), advice)
    if root.exists() and not root.is_dir():
        return HostResult(name, False, _("{path} is not a folder").format(path=root), advice)
    if prefix.has_lost_state:
        return HostResult(name, False, lost_state(prefix).rstrip("."), recover_advice(prefix))
    if root.is_dir() and not prefix.exists and any(_is_strange(prefix, path) for path in root.iterdir()):
        return HostResult(
            name, False, _("{path} contains files that this tool did not create").format(path=root), advice
        )
    outer = None if prefix.exists else _around(root)
    if outer:
        details = _("{path} is inside another installation ({outer}), which would back it up, migrate or remove it")
        details = details.format(path=root, outer=outer)
        return HostResult(name, False, details, _("Specify a folder outside it with --prefix."))
    for folder in (prefix.releases, prefix.bin):
        if folder.is_symlink():
            details = _("{path} is a link; from its target, neither data nor settings can be found")
            return HostResult(name, False, details.format(path=folder), misplaced.move_back())
    return HostResult(name, True, str(root))


def _around(root: Path) -> Path | None:
    """Return the folder of another installation, or of its remains, that contains the new prefix, or None."""
    for path in Path(os.path.realpath(root)).parents:
        with contextlib.suppress(OSError):  # an unreadable folder is not an installation of this user
            outer = Prefix(path)
            if outer.exists or outer.is_left or outer.has_lost_state:
                return path
    return None


def _is_strange(prefix: Prefix, path: Path) -> bool:
    """Return whether a file was left neither by an uninstallation nor by a killed write test."""
    left = (prefix.data, prefix.env_file, prefix.backups, prefix.models)
    # unknown files preserve the tool's folders; a folder found where `current` belongs was moved aside
    folders = (prefix.state, prefix.bin, prefix.releases, prefix.store.parent)
    is_left = prefix.is_left and (path in folders or path.name.startswith(MOVED))
    return path not in left and not is_left and not path.name.startswith(OWN)


def _commands(manifest: Manifest, prefix: Prefix) -> Iterator[HostResult]:
    """Yield a finding for each unknown file with a command's name, and one if this tool's own command is renamed."""
    name, previous, tool = _("Commands"), launchers.former_tool(prefix), own_command.in_prefix(prefix.root)
    for path in launchers.unknown_files(prefix, manifest):
        details = _("{path} was not created by this installer, but the release has a command with that name")
        yield HostResult(name, False, details.format(path=path), _("Move it elsewhere."))
    if previous is None:
        return
    details = _("{former} starts this tool now; after the installation, the tool's command is {tool}").format(
        former=previous, tool=tool
    )
    if PREVIOUS_TOOL in manifest.application.commands:
        advice = _(
            "From then on {former} starts {title}: update whatever calls this tool by that name, such "
            "as scheduled jobs."
        )
    else:
        advice = _("{former} will be removed: update whatever calls this tool by that name, such as scheduled jobs.")
    yield HostResult(name, True, details, advice.format(former=previous, title=manifest.product.title), warns=True)


def _service(prefix: Prefix) -> Iterator[HostResult]:
    """Yield a warning if the application runs as an account other than root that does not own the settings."""
    owner, account = service_account.settings_of_another(prefix)
    if owner:
        details = _("{path} belongs to {owner}, but the data belongs to {account}, which runs the application")
        advice = _("Make that account its owner: `chown {account} {path}`")
        yield HostResult(
            _("Service account"),
            True,
            details.format(path=prefix.env_file, owner=owner, account=account),
            advice.format(path=prefix.env_file, account=account),
            warns=True,
        )


def _writable(prefix: Prefix) -> HostResult:
    name, advice = _("Permission"), _("Give this user write permission there, or specify another folder with --prefix.")
    ours = [path for path in prefix.folders if path.is_dir()] if prefix.exists else []
    places = ours or [nearest(prefix.root)]
    for place in places:
        trouble = trouble_writing(place)
        if trouble:
            account = service_account.account_of(place)
            details = _("{path} cannot be written: {reason}")
            if account is not None:
                details = _("{path} cannot be written by {account}: {reason}")
                advice = _("Give that account write permission there and search permission (x) on every folder above.")
            whom = name_of(account.user) if account else ""
            return HostResult(name, False, details.format(path=place, account=whom, reason=trouble), advice)
    return HostResult(name, True, _("{path} is writable").format(path=places[0]))


def _space(manifest: Manifest, prefix: Prefix) -> Iterator[HostResult]:
    """Return the findings on space, one for each filesystem involved: folders of a prefix may be mount points."""
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}
    for path, share in space.shares(manifest, prefix):
        place = nearest(path)
        device = place.stat().st_dev
        needed[device] = needed.get(device, 0) + share
        places.setdefault(device, place)
    return (_free(places[device], share) for device, share in needed.items())


def _free(place: Path, needed: int) -> HostResult:
    free = files.free_bytes(place)
    if free is None:
        details = _("the free space on {path} is unknown").format(path=place)
        advice = _("Make sure that at least {needed} is free there.").format(needed=human_bytes(needed))
        return HostResult(_("Space"), True, details, advice, warns=True)
    details = _("{free} free on {path}, {needed} needed").format(
        free=human_bytes(free), path=place, needed=human_bytes(needed)
    )
    return HostResult(
        _("Space"), free >= needed, details, _("Free up space there, or specify another disk with --prefix.")
    )


def repair_space(manifest: Manifest, prefix: Prefix, packages: Collection[str] | None) -> HostResult:
    """Return the finding on space for a repair that reinstalls ``packages`` (None: all of them); the rest is linked."""
    return _free(nearest(prefix.releases), space.of_repair(manifest, prefix, packages))


def _data(manifest: Manifest, prefix: Prefix) -> Iterator[HostResult]:
    """Yield a finding if the user's data must be migrated to another layout, or if it cannot be."""
    name = _("Data")
    try:
        if migration.is_due(manifest, prefix):
            userdata.require_movable(prefix)
            number = manifest.application.data_layout
            yield HostResult(
                name, True, _("a copy of the data will be migrated to layout {number}").format(number=number)
            )
    except HostError as trouble:
        yield HostResult(name, False, trouble.what.rstrip("."), trouble.advice)
    except PermissionError:
        return  # the finding on the backup reports it


def _inodes(manifest: Manifest, prefix: Prefix) -> Iterator[HostResult]:
    if sys.platform == "win32":
        return
    place = nearest(prefix.root)
    try:
        status = os.statvfs(place)
    except OSError:
        return  # the finding on space reports it
    if not status.f_files:
        return  # the filesystem allocates inodes as needed
    needed = 2 * manifest.installed_files + len(manifest.files) + space.FILES_RESERVE  # bytecode at most doubles them
    details = plural(
        "{free} inode free on {path}, {needed} needed", "{free} inodes free on {path}, {needed} needed", status.f_favail
    ).format(free=status.f_favail, path=place, needed=needed)
    yield HostResult(_("Inodes"), status.f_favail >= needed, details, _("Remove files there, or specify another disk."))


def _path_length(manifest: Manifest, prefix: Prefix) -> Iterator[HostResult]:
    if sys.platform != "win32":
        return
    longest = max((len(entry.inner) for entry in manifest.of_kind("source")), default=0)
    length = len(str(prefix.releases)) + 40 + longest
    yield HostResult(
        _("Path length"),
        length <= requirements.path_limit(nearest(prefix.root)),
        _("the longest path has {length} characters").format(length=length),
        _("Specify a shorter path with --prefix."),
    )
