"""Inspect an installation for faults, from the files on the host alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from installer.layout import rights
from installer.layout.misplaced import find_misplaced
from installer.layout.store import Store
from installer.release.digests import Digests
from installer.release.installation import Installation
from installer.release.receipt import ADDED
from recovery.inspection import prefix_faults, release_faults, store_faults
from recovery.inspection.evidence import Evidence, damaged_packages
from recovery.inspection.finding import Finding
from recovery.inspection.release_to_repair import pointer, release_to_repair
from shared.i18n import _
from validator.finding_kinds import PLACE, STORE, UNLOCKED

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.manifest import FileEntry
    from bundle.signing.policy import Policy
    from installer.layout.misplaced import Misplaced
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.receipt import Deviation, Receipt
    from recovery.inspection.proof import Proof


@dataclass(frozen=True)
class Inspection:
    """The result of an inspection.

    ``release`` is the one to repair, or None if none is left. ``receipt`` and ``proof`` are None if they are not
    reliable; without a receipt, none of the release's files is reused, and without a proof, it cannot be rebuilt.
    ``lacking`` lists the files that are missing or damaged in the store, and ``spare`` maps their digests to intact
    copies elsewhere on the host. ``digests`` caches the digests of hashed files. ``misplaced`` lists the tool's own
    files and folders that are missing or not as they should be. ``unread`` counts the stored wheels that were compared
    by size only.
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
    misplaced: tuple[Misplaced, ...] = ()
    unread: int = 0

    @property
    def installation(self) -> Installation:
        """The release with its proven manifest; only for callers that have checked that there is a proof."""
        assert self.release is not None
        assert self.proof is not None
        return Installation(self.prefix, self.release, self.proof.manifest, self.receipt)

    def of_kind(self, *kinds: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    @property
    def lost(self) -> tuple[FileEntry, ...]:
        """The lacking files without an intact copy on this host."""
        return tuple(entry for entry in self.lacking if entry.sha256 not in self.spare)

    @property
    def damaged_packages(self) -> frozenset[str]:
        """The packages that must be reinstalled."""
        return damaged_packages(self.deviations)

    @property
    def unknown_files(self) -> list[Path]:
        """Files that were added to the application's folder; a backup includes them, as the user may need them."""
        if self.release is None:
            return []
        added = [deviation.path for deviation in self.deviations if deviation.kind == ADDED]
        paths = [self.release.path / path for path in added if path.startswith("app/")]
        return [path for path in paths if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"]

    def lacks(self, kind: str, wheels: frozenset[str] | None = None) -> list[FileEntry]:
        """Return the lost files of a kind, limited to the paths in ``wheels`` if given."""
        return [entry for entry in self.lost if entry.kind == kind and (wheels is None or entry.path in wheels)]


@dataclass(frozen=True)
class Known:
    """What is known before a run inspects an installation.

    ``policy`` decides whether the signers of a release's manifest are accepted if the receipt, which records them, is
    lost. ``digests`` caches the digests of recently hashed files; ``misplaced`` is what find_misplaced found before
    this run locked the installation. Unless ``reads_store`` is set, stored wheels that the repair does not use are not
    read (docs/adr/0034).
    """

    reads_store: bool
    policy: Policy | None = None
    digests: Digests | None = None
    misplaced: tuple[Misplaced, ...] | None = None


def inspect(prefix: Prefix, known: Known | None = None, *, release: Release | None = None) -> Inspection:
    """Inspect all parts of an installation; nothing is written.

    ``release`` is the release to inspect, by default the one that ``release_to_repair`` returns.
    """
    known = known or Known(reads_store=True)
    misplaced = find_misplaced(prefix) if known.misplaced is None else known.misplaced
    release = release or release_to_repair(prefix)
    findings = [*prefix_faults.leftovers(prefix), *prefix_faults.settings(prefix), *prefix_faults.data(prefix, release)]
    findings += pointer(prefix, release)
    if release is None:
        wrong = rights.wrong(prefix, None)
        findings += [*prefix_faults.out_of_place(misplaced, (), findings), *prefix_faults.rights_of(prefix, wrong)]
        return Inspection(prefix, None, None, None, (), (), {}, tuple(findings), misplaced=misplaced)
    evidence = Evidence(prefix, release, known.policy, known.digests or Digests(), known.reads_store)
    with ThreadPoolExecutor(1) as aside:  # while large files are hashed
        looking = aside.submit(rights.wrong, prefix, release)
        findings += evidence.gather(lambda: tuple(item.path for item in looking.result() if item.is_unreadable))
        wrong = looking.result()
    findings += _of_the_release(evidence)
    findings += _out_of_place(evidence, misplaced, wrong, findings)
    return Inspection(
        prefix,
        release,
        evidence.receipt,
        evidence.proof,
        evidence.deviations,
        evidence.lacking,
        store_faults.find_spare(prefix, release, evidence.lacking) if evidence.proof else {},
        tuple(findings),
        evidence.digests,
        misplaced,
        evidence.unread,
    )


def _of_the_release(evidence: Evidence) -> list[Finding]:
    """Return the findings about a release's contents, and about what it needs outside its folder.

    Its contents are its files, its interpreter and its set of packages; outside are launchers, the second copies of
    signed metadata, and stored files.
    """
    prefix, release, receipt, proof = evidence.prefix, evidence.release, evidence.receipt, evidence.proof
    findings = [*release_faults.grouped(evidence.deviations), *release_faults.interpreter(receipt, proof)]
    if receipt is not None and not receipt.locked:
        findings.append(Finding(UNLOCKED, release.id, _("this set of packages is not signed")))
    if proof is not None:
        findings += prefix_faults.commands(prefix, proof.manifest)
        findings += prefix_faults.metadata(prefix, proof)
        findings += store_faults.missing(prefix, evidence.lacking)
    return findings


def _out_of_place(
    evidence: Evidence, misplaced: tuple[Misplaced, ...], wrong: list[rights.Wrong], findings: list[Finding]
) -> list[Finding]:
    """Return findings about misplaced files and wrong permissions that the remedies of ``findings`` do not repair."""
    prefix = evidence.prefix
    replaced = [str(Store(prefix.store).path(entry.sha256)) for entry in evidence.lacking]
    misplaced_ones = prefix_faults.out_of_place(misplaced, replaced, findings)
    reported = [*findings, *misplaced_ones]
    replaced += [str(folder / name) for folder in (prefix.root, evidence.release.path) for name in _files_of(reported)]
    left = [item for item in wrong if not prefix_faults.is_in(item.path, tuple(replaced))]
    return [*misplaced_ones, *prefix_faults.rights_of(prefix, left)]


def _files_of(findings: list[Finding]) -> list[str]:
    return [name for finding in findings for name in finding.files if finding.kind not in (PLACE, STORE)]
