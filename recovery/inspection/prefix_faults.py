"""Faults outside a release: the tool's files, owners and modes, user data and settings, and remains of a crash."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from installer.change import transaction
from installer.layout import journal, misplaced, proofs
from installer.release import launchers
from recovery.inspection.finding import Finding
from recovery.inspection.proof import unkept
from shared import reading
from shared.errors import RagtraceError
from shared.files import files
from shared.i18n import _
from shared.terminal import counted
from validator.finding_kinds import (
    CRASH,
    DATA,
    LAUNCHER,
    MANIFEST,
    METADATA,
    PLACE,
    POINTER,
    RECEIPT,
    RIGHTS,
    SETTINGS,
    STORE,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bundle.manifest import Manifest
    from installer.layout import rights
    from installer.layout.misplaced import Misplaced
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from recovery.inspection.proof import Proof


def leftovers(prefix: Prefix) -> Iterator[Finding]:
    """Yield findings for the remains of a crash: an unfinished run, a damaged journal, temporary files."""
    path = journal.path(prefix)
    entry = journal.read(prefix) if reading.is_regular(path) else None
    if entry is not None:
        details = _("a run of {command} did not finish").format(command=entry.command)
        yield Finding(CRASH, entry.release, details, (path.name,))
    elif reading.is_regular(path) and journal.is_damaged(prefix):
        yield Finding(CRASH, "", _("the journal is damaged"), (path.name,))
    names = tuple(os.path.relpath(path, prefix.root) for path in transaction.temporary_files(prefix))
    if names:
        yield Finding(CRASH, "", _("temporary files of an unfinished run"), names)


def settings(prefix: Prefix) -> Iterator[Finding]:
    """Yield a finding if other users can read or change the settings, which may contain keys."""
    if files.is_exposed(prefix.env_file):
        details = _("other users can read or change {path}").format(path=prefix.env_file)
        yield Finding(SETTINGS, ".env", details, (".env",))


def data(prefix: Prefix, release: Release | None) -> Iterator[Finding]:
    """Yield a finding for the first user data folder that is missing or not a folder, if there is a release."""
    wanted = [prefix.data]
    with contextlib.suppress(RagtraceError, OSError):
        wanted += [prefix.data / folder for folder in (release.manifest().application.persist if release else ())]
    lost = [path for path in wanted if not path.is_dir()]
    if lost and release is not None:
        path = lost[0].relative_to(prefix.root).as_posix()
        details = _("{path} is missing") if not os.path.lexists(lost[0]) else _("{path} is not a folder")
        yield Finding(DATA, path, details.format(path=lost[0]), (path,))


def out_of_place(found: tuple[Misplaced, ...], replaced: Collection[str], findings: list[Finding]) -> list[Finding]:
    """Return findings for misplaced files and folders.

    Those that the remedies of other findings rebuild are left out, and so are links to folders elsewhere, because
    recover refuses to run until they are removed.
    """
    kinds = {finding.kind for finding in findings}
    return [*_each_place(item for item in found if not _is_reported(item, replaced, kinds))]


def _is_reported(item: Misplaced, replaced: Collection[str], kinds: set[str]) -> bool:
    if item.what == misplaced.LINKED:
        return True  # no remedy repairs it, so recover refuses to run and gives the advice
    if item.place == "state/proofs":
        return METADATA in kinds
    if item.place.startswith("store/") and item.what == misplaced.KIND and not item.folder:
        return any(path.endswith(item.place.replace("/", os.sep)) for path in replaced)
    if item.what != misplaced.MISSING:
        return False
    is_lost = not kinds.isdisjoint((POINTER, MANIFEST, RECEIPT))
    return {
        "releases": is_lost,
        "bin": is_lost or LAUNCHER in kinds,
        "store": is_lost or STORE in kinds,
        "store/sha256": is_lost or STORE in kinds,
    }.get(item.place, False)


def _each_place(found: Iterable[Misplaced]) -> Iterator[Finding]:
    for item in found:
        details = item.described()
        if item.place in (misplaced.AUDIT_LOG, "state") and item.what != misplaced.FOREIGN:
            details = _("{details}: the audit log is lost, and a new one will be started").format(details=details)
        yield Finding(PLACE, item.place, details, (item.place,))


def commands(prefix: Prefix, manifest: Manifest) -> Iterator[Finding]:
    """Yield a finding for each launcher in PREFIX/bin that is missing or altered."""
    for path in launchers.damaged(prefix, manifest):
        details = _("{path} is missing or altered").format(path=prefix.root / path)
        yield Finding(LAUNCHER, path.rpartition("/")[2], details, (path,))


def metadata(prefix: Prefix, proof: Proof) -> Iterator[Finding]:
    """Yield a finding for each second copy of signed metadata that is missing or altered."""
    unlike = [] if proofs.holds(prefix, proof.metadata) else [proofs.place(prefix, proof.manifest_sha256)]
    unlike += [proofs.place(prefix, other.manifest_sha256) for other in unkept(prefix, proof)]
    for path in unlike:
        details = _("the second copy of the signed metadata is missing or altered: {path}").format(path=path)
        yield Finding(METADATA, "", details)


def rights_of(prefix: Prefix, wrong: list[rights.Wrong]) -> Iterator[Finding]:
    """Yield one finding for all installed files with the wrong owner or permissions."""
    if wrong:
        paths = tuple(os.path.relpath(item.path, prefix.root).replace(os.sep, "/") for item in wrong)
        details = _("owner or permissions have changed since installation")
        yield Finding(RIGHTS, paths[0] if len(paths) == 1 else counted.files(len(paths)), details, paths)


def is_in(path: str, closed: tuple[str, ...]) -> bool:
    """Return whether a path is one of ``closed`` or below one of them."""
    return any(path == place or path.startswith(place + os.sep) for place in closed)
