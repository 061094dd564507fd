"""What is wrong with an installation now, seen on the host itself and nowhere else."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.digest import sha256_file
from bundle.opening import INSTALLER_MEMBER
from installer.change import retention
from installer.install import install
from installer.layout import misplaced, proofs, rights
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import launchers, signed
from installer.release import receipt as receipts
from installer.release.digests import Digests
from installer.release.installation import Installation
from installer.release.receipt import ADDED, APP, MODELS, RELEASE, VENV
from installer.release.stage import counterpart
from recovery.diagnosis import around
from recovery.diagnosis.finding import Finding
from recovery.diagnosis.proof import Proof, find_proof, unkept
from shared import reading, troubles
from shared.errors import RagtraceError, UsageError
from shared.i18n import _
from validator.remedy import (
    APPLICATION,
    ENVIRONMENT,
    INTERPRETER,
    LAUNCHER,
    MANIFEST,
    METADATA,
    MODEL,
    PACKAGE,
    PLACE,
    POINTER,
    RECEIPT,
    RUN_FILES,
    SEAL,
    STORE,
    UNLOCKED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import FileEntry, Manifest
    from bundle.signing.policy import Policy
    from installer.layout.misplaced import Misplaced
    from installer.layout.prefix import Prefix, Release
    from installer.release.receipt import Deviation, Receipt

KIND_OF_AREA = {APP: APPLICATION, MODELS: MODEL, VENV: ENVIRONMENT, RELEASE: RUN_FILES}


@dataclass(frozen=True)
class Diagnosis:
    """Everything that is wrong. ``release`` is the one to repair, None when none is left.

    ``receipt`` and ``proof`` are None when they can't be relied on; then nothing of the release is
    taken over. ``lacking`` are the files that the store should hold and does not; ``spare`` are
    those of them of which a good copy lies elsewhere. ``digests`` knows the files that were hashed.
    """

    prefix: Prefix
    release: Release | None
    receipt: Receipt | None
    proof: Proof | None
    deviations: tuple[Deviation, ...]
    lacking: tuple[FileEntry, ...]
    spare: dict[str, Path]
    findings: tuple[Finding, ...]
    digests: Digests = field(default_factory=Digests, compare=False)
    places: tuple[Misplaced, ...] = ()

    def of_kind(self, *kinds: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    @property
    def lost(self) -> tuple[FileEntry, ...]:
        """The files of which no good copy is on this host."""
        return tuple(entry for entry in self.lacking if entry.sha256 not in self.spare)

    def lacks(self, kind: str, wheels: frozenset[str] | None = None) -> list[FileEntry]:
        """Return the files of a kind (or of some wheels only) that no copy on this host replaces."""
        return [entry for entry in self.lost if entry.kind == kind and (wheels is None or entry.path in wheels)]


def diagnose(
    prefix: Prefix,
    policy: Policy | None = None,
    digests: Digests | None = None,
    places: tuple[Misplaced, ...] | None = None,
    *,
    release: Release | None = None,
) -> Diagnosis:
    """Look at everything that an installation is made of; nothing is written.

    ``policy`` judges who signed the bundle where the receipt that says so is lost. ``digests`` knows files that were
    hashed a moment ago, ``places`` what was out of place before this run could lock the installation.
    ``release`` is another to look at than the one that counts.
    """
    places = misplaced.found(prefix) if places is None else places
    release = release or _release_to_repair(prefix)
    wrong = rights.wrong(prefix, release)
    findings = [
        *around.leftovers(prefix),
        *around.settings(prefix),
        *around.data(prefix, release),
    ]
    if release is None:
        details = _("{path} has no release that can be repaired").format(path=prefix.releases)
        findings.append(Finding(POINTER, prefix.current.name, details))
        findings += [*around.out_of_place(places, (), findings), *around.rights_of(prefix, wrong)]
        return Diagnosis(prefix, None, None, None, (), (), {}, tuple(findings), places=places)
    findings += _pointer(prefix, release)
    receipt, trouble = _receipt(prefix, release)
    findings += trouble
    proof, digests = find_proof(prefix, release, receipt, policy), digests or Digests()
    if proof is not None:
        digests.bound_by(proof.manifest)
    with ThreadPoolExecutor(1) as aside:  # kept wheels are few and large, installed files many and small
        is_lacking = aside.submit(_lacking, prefix, proof.manifest, digests) if proof else None
        found = dict(receipts.contents(release.path, digests)) if receipt else {}
        lacking = is_lacking.result() if is_lacking else ()
    deviations = tuple(receipts.against(found, receipt)) if receipt else ()
    # what nobody can read is looked at again once its rights are mended
    closed = tuple(item.path for item in wrong if item.is_unreadable)
    deviations = tuple(item for item in deviations if not around.lies_in(str(release.path / item.path), closed))
    proven = Installation(prefix, release, proof.manifest, receipt) if proof else None
    false = _false_receipt(proven, deviations, found, digests) if proven else None
    if false:
        findings.append(false)
        receipt, deviations = None, ()
        proof = find_proof(prefix, release, None, policy)
    if proof is None:
        details = _("this host has no copy of the signed manifest to prove what the release was built from")
        findings.append(Finding(MANIFEST, release.id, details))
    findings += _grouped(deviations)
    findings += _interpreter(receipt, proof)
    if receipt is not None and not receipt.locked:
        findings.append(Finding(UNLOCKED, release.id, _("this set of packages is not signed")))
    spare: dict[str, Path] = {}
    if proof:
        findings += _launchers(prefix, proof.manifest)
        findings += _metadata(prefix, proof)
        spare = _spare(prefix, release, lacking)
        if lacking:
            names = tuple(entry.path for entry in lacking)
            details = _("stored files are missing or damaged in {path}").format(path=prefix.store)
            findings.append(Finding(STORE, "", details, names))
    replaced = [str(Store(prefix.store).path(entry.sha256)) for entry in lacking]
    findings += around.out_of_place(places, replaced, findings)
    # what is made anew has its owner and rights
    replaced += [str(folder / name) for folder in (prefix.root, release.path) for name in _files_of(findings)]
    findings += around.rights_of(prefix, [item for item in wrong if not around.lies_in(item.path, tuple(replaced))])
    return Diagnosis(prefix, release, receipt, proof, deviations, lacking, spare, tuple(findings), digests, places)


def _release_to_repair(prefix: Prefix) -> Release | None:
    """Return the active release, else the one that was last made active, else the newest complete one."""
    active = prefix.active()
    if active is not None:
        return active
    for name in (_named_by_current(prefix), _last_activated(prefix)):
        try:
            release = prefix.release(name or "")
        except UsageError:
            continue
        # ``current`` and the log name what was finished, whatever is left of it; of one that is gone, a proof must be
        if reading.is_folder(release.path) or any(proofs.folder(prefix).glob(f"{release.order[1]}*")):
            return release
    former = retention.previous(prefix)
    newest_first = list(reversed(prefix.complete_releases()))
    others = [release for release in newest_first if former is None or release.id != former.id]
    return next(iter(others or newest_first), None)


def _named_by_current(prefix: Prefix) -> str | None:
    """Return what ``current`` names though it leads to no complete release."""
    try:
        return Path(os.readlink(prefix.current)).name
    except OSError:
        return None


def _last_activated(prefix: Prefix) -> str | None:
    """Return the release that the audit log says was made active last."""
    names = [entry.get("release") for entry in audit_log.activations(prefix)]
    return names[-1] if names and isinstance(names[-1], str) else None


def _files_of(findings: list[Finding]) -> list[str]:
    return [name for finding in findings for name in finding.files if finding.kind not in (PLACE, STORE)]


def _pointer(prefix: Prefix, release: Release) -> Iterator[Finding]:
    if prefix.active() is None and _named_by_current(prefix) != release.id:
        details = _("{path} does not point to a complete release").format(path=prefix.current)
        yield Finding(POINTER, release.id, details, (prefix.current.name,))


def _receipt(prefix: Prefix, release: Release) -> tuple[Receipt | None, list[Finding]]:
    """Return a release's receipt, or what is wrong with it.

    The mark vouches for it unless the audit log contradicts; where the mark is lost, the log's line on its activation.
    """
    receipt, reason = _sealed_receipt(release)
    if receipt is not None and not receipts.contradicted(prefix, release):
        return receipt, []
    if receipt is not None:
        reason = _("the audit log has another receipt for {release}").format(release=release.id)
    logged = audit_log.receipt_of(prefix, release.id)
    if logged is not None:
        receipt, _reason = _sealed_receipt(release, logged)
        if receipt is not None:
            details = _("{release} has no completion mark").format(release=release.id)
            return receipt, [Finding(SEAL, release.id, details, (release.complete_file.name,))]
    return None, [Finding(RECEIPT, release.id, reason, (release.receipt_file.name, release.complete_file.name))]


def _sealed_receipt(release: Release, sealed: str | None = None) -> tuple[Receipt | None, str]:
    """Return a receipt that is vouched for and of this release, else None and why not."""
    try:
        if release.receipt_file.is_symlink():
            return None, _("{path} is a link").format(path=release.receipt_file)
        receipt = receipts.read_receipt(release, sealed)
    except RagtraceError as error:
        return None, error.what
    except OSError as error:
        return None, troubles.told(error)
    if receipt.release == release.id and receipt.manifest_sha256.startswith(release.order[1]):
        return receipt, ""
    return None, _("the receipt belongs to another release ({name})").format(name=receipt.release)


def _false_receipt(
    installation: Installation, deviations: tuple[Deviation, ...], found: dict[str, str], digests: Digests
) -> Finding | None:
    """Return what is wrong with a receipt that vouches for files which are not as signed: nothing it says counts."""
    receipt = installation.receipt
    if receipt is None or not receipt.locked:
        return None
    known = {deviation.path for deviation in deviations}
    compared = signed.compare(installation, digests, found)
    altered = tuple(deviation.path for deviation in compared.deviations if deviation.path not in known)
    if not altered:
        return None
    return Finding(
        RECEIPT, installation.release.id, _("the receipt lists files that differ from the signed ones"), altered
    )


def _grouped(deviations: tuple[Deviation, ...]) -> Iterator[Finding]:
    """Yield a finding for each package or part of the release that is not as it was sealed."""
    owners: dict[str, list[Deviation]] = {}
    for deviation in deviations:
        owners.setdefault(deviation.owner, []).append(deviation)
    for owner, found in owners.items():
        parts = []
        for kind, text in (
            (receipts.MISSING, _("missing: {count}")),
            (receipts.ALTERED, _("altered: {count}")),
            (ADDED, _("added: {count}")),
        ):
            count = sum(deviation.kind == kind for deviation in found)
            if count:
                parts.append(text.format(count=count))
        kind = KIND_OF_AREA.get(owner, PACKAGE)
        yield Finding(kind, owner, ", ".join(parts), tuple(deviation.path for deviation in found))


def needed_python(diagnosis: Diagnosis) -> str:
    """Return the Python that a new release must be made with, as 3.11, where this one is another; else ''."""
    manifest = diagnosis.proof.manifest if diagnosis.proof else None
    if manifest is None or manifest.own_python or manifest.target.python_tuple == sys.version_info[:2]:
        return ""
    return manifest.target.python


def _minor_of(python: Path) -> str:
    try:
        return install.told_version(python).rpartition(".")[0]
    except RagtraceError:  # it is gone, or does not start
        return ""


def _interpreter(receipt: Receipt | None, proof: Proof | None) -> Iterator[Finding]:
    if receipt is None:
        return
    path = Path(receipt.interpreter)
    try:
        same = sha256_file(path)[0] == receipt.interpreter_sha256
        details = _("{path} is not the Python of the installation").format(path=path)
        wanted = proof.manifest.target.python if proof and not same else ""
        if wanted and (minor := _minor_of(path)) not in ("", wanted):
            details = _("{path} is now Python {found}, and this installation needs Python {wanted}").format(
                path=path, found=minor, wanted=wanted
            )
    except OSError as error:
        same = False
        details = _("the Python of the installation is missing: {path}: {reason}").format(
            path=path, reason=troubles.reason(error, troubles.READING, path=path)
        )
    if not same:
        yield Finding(INTERPRETER, str(path), details)


def _launchers(prefix: Prefix, manifest: Manifest) -> Iterator[Finding]:
    for name, content in launchers.scripts(prefix, manifest).items():
        path = prefix.bin / name
        if not launchers.is_right(path, content):
            details = _("{path} is missing or altered").format(path=path)
            yield Finding(LAUNCHER, name, details, (f"bin/{name}",))


def _metadata(prefix: Prefix, proof: Proof) -> Iterator[Finding]:
    """Look at the second copy of what proves where the release came from."""
    folder = proofs.place(prefix, proof.manifest_sha256)
    try:
        same = proofs.read(folder) == proof.metadata
    except OSError:
        same = False
    unlike = [] if same else [folder]
    unlike += [proofs.place(prefix, other.manifest_sha256) for other in unkept(prefix, proof)]
    for path in unlike:
        details = _("the second copy of the signed metadata is missing or altered: {path}").format(path=path)
        yield Finding(METADATA, "", details)


def _lacking(prefix: Prefix, manifest: Manifest, digests: Digests) -> tuple[FileEntry, ...]:
    """Return what the store should hold for a release and does not.

    Weights that a release has under another name are one file, which ``digests`` reads once.
    """
    store = Store(prefix.store)

    def is_there(entry: FileEntry) -> bool:
        try:
            return store.holds(entry) and digests(store.path(entry.sha256)) == entry.sha256
        except OSError:
            return False

    entries = [entry for entry in manifest.files if entry.is_kept]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        there = list(pool.map(is_there, entries))
    return tuple(entry for entry, found in zip(entries, there) if not found)


def _spare(prefix: Prefix, release: Release, lacking: tuple[FileEntry, ...]) -> dict[str, Path]:
    """Return good copies of lacking files by digest, from where this host still has them."""
    from installer.layout import own_command

    found = {}
    running = own_command.zipapp()
    others = [other for other in prefix.complete_releases() if other.id != release.id]
    for entry in lacking:
        places = [counterpart(kept, entry) for kept in (release, *others)]
        if entry.kind == "source":
            places.append(prefix.data / entry.inner)
        if entry.path == INSTALLER_MEMBER:
            places.append(running)
        for place in places:
            try:
                if place and sha256_file(place, limit=entry.size) == (entry.sha256, entry.size):
                    found[entry.sha256] = place
                    break
            except OSError:
                continue
    return found
