"""From findings to a plan: the smallest remedies that repair everything, in order, each once."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable

from bundle.names import INSTALLER
from bundle.wheels import record
from installer.change import retention
from installer.install import delta
from installer.layout import own_command
from installer.layout.store import Store
from installer.release import receipt as receipts
from installer.userdata import backups
from recovery.diagnosis import diagnose as seen
from recovery.planning import remedies as cures
from recovery.planning import resolve
from recovery.planning.parts import can_build_in_part, parts_of
from shared.errors import RagtraceError
from shared.i18n import _, plural
from shared.terminal.console import sentence
from validator.remedy import DATA, LAUNCHER, OF_THE_RELEASE, POINTER, RIGHTS, SEAL, STORE, UNLOCKED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.opening import Bundle
    from installer.layout.prefix import Release
    from recovery.diagnosis.diagnose import Diagnosis
    from recovery.diagnosis.finding import Finding
    from recovery.planning.parts import Left, Parts
    from recovery.planning.remedies import Remedy


@dataclass(frozen=True)
class Plan:
    """What is wrong and what is done about it.

    ``unmet`` says what to transfer for the rest, ``left`` which files of the bundle replace what stays damaged until
    then, ``damaged`` the paths in the release that do. ``needed_python`` is the one to run this with instead,
    ``removes`` are the releases that go. ``restore`` says how the user's own come back, which no repair makes.
    """

    release: str | None
    findings: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]
    unmet: str = ""
    notes: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    damaged: frozenset[str] = frozenset()
    removes: tuple[retention.Going, ...] = ()
    needed_python: str = ""
    restore: str = ""

    @property
    def in_place(self) -> tuple[Remedy, ...]:
        return tuple(remedy for remedy in self.remedies if remedy.in_place)

    @property
    def ladder(self) -> tuple[Remedy, ...]:
        """The remedies that together make another release active."""
        return tuple(remedy for remedy in self.remedies if not remedy.in_place)

    def has(self, kind: type[Remedy]) -> Remedy | None:
        return next((remedy for remedy in self.remedies if isinstance(remedy, kind)), None)

    @property
    def is_in_part(self) -> bool:
        """Whether something is repaired and something of the release stays damaged."""
        return bool(self.remedies and self.left)

    @property
    def packages(self) -> frozenset[str]:
        """The packages that are installed anew; all others are reused."""
        remedy = self.has(cures.ReinstallPackages)
        return frozenset(remedy.names if remedy else ())

    @property
    def mended(self) -> frozenset[str]:
        """The kinds of findings that nothing is left of once this is carried out."""
        kinds = {kind for remedy in self.in_place for kind in remedy.kinds}
        if self.ladder:  # a release that becomes active has all of its own
            kinds |= {*OF_THE_RELEASE, POINTER, SEAL, LAUNCHER, RIGHTS}
        if self.ladder and not self.has(cures.ResolveAgain):
            kinds.add(UNLOCKED)
        kinds -= {finding.kind for finding in self.findings if not self.damaged.isdisjoint(finding.files)}
        return frozenset(kinds - {STORE} if self.unmet else kinds)

    def to_json(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "findings": [{**vars(finding), "files": list(finding.files)} for finding in self.findings],
            "remedies": [remedy.to_json() for remedy in self.remedies],
            "unmet": self.unmet,
            "restore": self.restore,
            "left": [left.to_json() for left in self.left],
            "in_part": self.is_in_part,
            "removes": [gone.to_json() for gone in self.removes],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return the plan for people."""
        shown = [_("Found:")] if self.findings else []
        for finding in self.findings:
            name = f"{finding.name}: " if finding.name else ""
            shown.append(f"  - {name}{finding.details}")
            shown += [f"      {file}" for file in finding.files[: cures.NAMES_SHOWN]]
            if len(finding.files) > cures.NAMES_SHOWN:
                shown.append(f"      (+{len(finding.files) - cures.NAMES_SHOWN})")
        shown += [_("Plan:")] if self.remedies else []
        for number, remedy in enumerate(self.remedies, 1):
            shown.append(f"  {number}. {remedy.what()}")
            risk = _("risk: {risk}").format(risk=cures.risk_text(remedy.risk))
            shown.append(f"     {risk}. {remedy.effect()}")
        shown += [retention.sentence(gone) for gone in self.removes]
        shown += [_("Still damaged:")] if self.left else []
        shown += [f"  {line}" for left in self.left for line in left.lines()]
        shown += [_("Not fixed by this: {reason}").format(reason=self.unmet)] if self.unmet else []
        shown += [self.restore] if self.restore else []
        shown += self.notes
        return list(map(sentence, shown))


def make_plan(diagnosis: Diagnosis, bundle: Bundle | None = None, *, allow_unlocked: bool = False) -> Plan:
    """Choose what to do about what was found; ``bundle`` is one that is available, already verified."""
    plan = _of_the_installation(diagnosis, bundle, allow_unlocked=allow_unlocked)
    if plan.ladder and not _has_rights_elsewhere(diagnosis):  # a new release has its own
        plan = replace(plan, remedies=tuple(cure for cure in plan.remedies if not isinstance(cure, cures.MendRights)))
    return replace(plan, restore=how_to_restore(diagnosis)) if diagnosis.of_kind(DATA) else plan


def _has_rights_elsewhere(diagnosis: Diagnosis) -> bool:
    """Return whether anything but the release that gives way has another owner or other rights."""
    own = f"releases/{diagnosis.release.id}" if diagnosis.release else ""
    paths = [path for finding in diagnosis.of_kind(RIGHTS) for path in finding.files]
    return any(not own or f"{path}/".partition(f"{own}/")[:2] != ("", f"{own}/") for path in paths)


def how_to_restore(diagnosis: Diagnosis) -> str:
    """Return how lost data come back: from the newest backup that holds some."""
    found = backups.newest_with_data(diagnosis.prefix)
    if found is None:
        text = _("No backup contains data: recreate the folder (mkdir {path}), or copy it from elsewhere.")
        return text.format(path=diagnosis.prefix.data)
    command = own_command.line("backup", "restore", found.name, prefix=diagnosis.prefix.root)
    text = _("Only a backup can restore the data. The newest with data is {name}, of {created}: {command}")
    return text.format(name=found.name, created=found.created, command=command)


def _of_the_installation(diagnosis: Diagnosis, bundle: Bundle | None, *, allow_unlocked: bool) -> Plan:
    """Choose the remedies for what was found; ``bundle`` is one that is available, already verified.

    1. What is repaired in place.
    2. The store, from copies on this host, else from the same bundle.
    3. The release: only what is damaged; all of it where nothing confirms the rest.
    4. With ``allow_unlocked``, the release from other versions of what is lost.
    5. The last resorts: the previous release, the bundle in full, what can be repaired without it, or advice on
       what to transfer.
    """
    release = diagnosis.release
    plan = Plan(release.id if release else None, diagnosis.findings, ())
    chosen = _in_place(diagnosis)
    needs_release = bool(diagnosis.of_kind(*OF_THE_RELEASE)) or release is None
    if diagnosis.proof is None and not needs_release:
        return replace(plan, remedies=_ordered(chosen))
    if diagnosis.proof is None:
        return _with_last_resort(plan, chosen, diagnosis, bundle, allow_unlocked=allow_unlocked)

    lost = [entry.path for entry in diagnosis.lost]
    same = (
        bundle is not None
        and bundle.manifest_sha256 == diagnosis.proof.manifest_sha256
        and bundle.left_out.isdisjoint(diagnosis.lost)  # a delta does not contain everything
    )
    if lost and same:
        chosen.append(cures.FillStore(tuple(lost)))
    if diagnosis.spare and not (lost and same):
        healed = tuple(entry.path for entry in diagnosis.lacking if entry.sha256 in diagnosis.spare)
        chosen.append(cures.HealStore(healed))
    unmet = bring(diagnosis) if lost and not same else ""
    can_build = not unmet or _can_build(diagnosis)
    needed = seen.needed_python(diagnosis) if needs_release else ""
    if needed:
        return _with_another_python(plan, chosen, diagnosis, bundle, needed)
    # what nobody signed gives way as soon as the lock can be had again
    if not needs_release and not (diagnosis.of_kind(UNLOCKED) and can_build):
        return replace(plan, remedies=_ordered(chosen), unmet=unmet)
    if not can_build:
        return _with_other_versions(plan, chosen, diagnosis, bundle, allow_unlocked=allow_unlocked)
    return replace(plan, remedies=_ordered([*chosen, *_of_the_release(diagnosis)]), unmet=unmet)


def _ordered(chosen: Sequence[Remedy]) -> tuple[Remedy, ...]:
    return tuple(sorted(chosen, key=lambda remedy: cures.LADDER.index(type(remedy))))


def _in_place(diagnosis: Diagnosis) -> list[Remedy]:
    """Return the remedies of what needs no new release."""
    makers: tuple[Callable[[tuple[str, ...]], Remedy], ...] = (
        cures.MendPlaces,
        cures.MendRights,
        cures.CleanUp,
        cures.ProtectSettings,
        cures.MarkComplete,
        cures.WriteLaunchers,
        cures.WriteMetadata,
    )
    chosen: list[Remedy] = []
    for make in makers:
        found = diagnosis.of_kind(*make.kinds)  # type: ignore[attr-defined]
        if found:
            chosen.append(make(tuple(finding.name for finding in found if finding.name)))
    if diagnosis.release is not None and diagnosis.of_kind(POINTER):
        chosen.append(cures.PointCurrent((diagnosis.release.id,)))
    return chosen


def damaged_packages(diagnosis: Diagnosis) -> frozenset[str]:
    """Return the packages that must be installed anew.

    Lost bytecode alone is no reason: it is left out, and written again by the next import.
    """
    return frozenset(
        record.normalised(deviation.owner)
        for deviation in diagnosis.deviations
        if deviation.owner not in seen.KIND_OF_AREA and not deviation.path.endswith(".pyc")
    )


def _of_the_release(diagnosis: Diagnosis, parts: Parts | None = None) -> list[Remedy]:
    """Return the remedies that make a new release; with ``parts`` those of what does not stay damaged."""
    if _is_built_whole(diagnosis):
        return [cures.RebuildEnvironment()]
    kept, without = (parts.contents, parts.packages) if parts else ({}, frozenset[str]())
    packages = tuple(sorted(damaged_packages(diagnosis) - without))
    chosen: list[Remedy] = [cures.ReinstallPackages(packages)] if packages else []
    for remedy in (cures.LinkModels, cures.RestoreFiles, cures.RemakeEnvironment):
        found = [
            finding
            for finding in diagnosis.of_kind(*remedy.kinds)
            if not finding.files or not set(finding.files) <= set(kept)
        ]
        if found:
            chosen.append(remedy(tuple(finding.name for finding in found)))
    # every new release makes these anew, so there is always a remedy to name: bytecode alone, for example
    return chosen or [cures.RemakeEnvironment()]


def _can_build(diagnosis: Diagnosis) -> bool:
    """Return whether what this host has is enough for a new release in which nothing stays damaged."""
    if _is_built_whole(diagnosis):
        return not diagnosis.lost
    return not parts_of(diagnosis, damaged_packages(diagnosis)).left and not diagnosis.lacks("interpreter")


def _is_built_whole(diagnosis: Diagnosis) -> bool:
    """Return whether nothing is reused: no receipt says what is good, or what is there nobody signed."""
    return diagnosis.receipt is None or not diagnosis.receipt.locked


def _lacks_more(diagnosis: Diagnosis) -> bool:
    """Return whether something else than wheels is lost."""
    return any(entry.kind != "wheel" for entry in diagnosis.lost)


def bring(diagnosis: Diagnosis) -> str:
    """Return what to transfer, where this host lacks what a repair needs."""
    if diagnosis.proof is not None:
        manifest = diagnosis.proof.manifest
        lost = [entry.path for entry in diagnosis.lost]
        text = plural(
            "A stored file is lost ({first}): copy the folder {folder} of release counter {counter}, "
            "including {archive}, to this host.",
            "{count} stored files are lost ({first}, …): copy the folder {folder} of release counter "
            "{counter}, including {archive}, to this host.",
            len(lost),
        )
        return text.format(
            count=len(lost),
            first=lost[0] if lost else "",
            folder=manifest.folder,
            counter=manifest.product.counter,
            archive=manifest.archive,
        )
    if diagnosis.release is not None:
        counter = diagnosis.release.order[0]
        return _("Transfer the bundle with release counter {counter}, or a newer one.").format(counter=counter)
    return _("Transfer the bundle that was installed here, or a newer one.")


def _with_other_versions(
    plan: Plan, chosen: list[Remedy], diagnosis: Diagnosis, bundle: Bundle | None, *, allow_unlocked: bool
) -> Plan:
    """Add other versions of what is lost where that is allowed and there are some, else a last resort."""
    manifest = resolve.resolve(diagnosis) if allow_unlocked and not _lacks_more(diagnosis) else None
    if manifest is None:
        return _with_last_resort(plan, chosen, diagnosis, bundle, allow_unlocked=allow_unlocked)
    assert diagnosis.proof is not None  # resolved from it
    locked = {(package.name, package.version) for package in diagnosis.proof.manifest.packages}
    others = [f"{p.name} {p.version}" for p in manifest.packages if (p.name, p.version) not in locked]
    remedies = _ordered([*chosen, cures.ResolveAgain(tuple(others), manifest)])
    return replace(plan, remedies=remedies, unmet=bring(diagnosis))


def _with_another_python(
    plan: Plan, chosen: list[Remedy], diagnosis: Diagnosis, bundle: Bundle | None, needed: str
) -> Plan:
    """Say which Python it takes: the signed packages are for one minor version, and no other finds them."""
    found = _with_last_resort(plan, chosen, diagnosis, bundle, allow_unlocked=True)
    lasting = tuple(cure for cure in found.remedies if cure.in_place or isinstance(cure, cures.Reinstall))
    text = _("This is Python {running}, but the installation needs Python {needed}: run {command}.")
    tool = str(diagnosis.release.bundle / INSTALLER) if diagnosis.release else INSTALLER
    command = own_command.quoted([f"python{needed}", tool, "recover", "--prefix", str(diagnosis.prefix.root)])
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    unmet = text.format(running=running, needed=needed, command=command)
    return replace(found, remedies=lasting, unmet=unmet, left=(), damaged=frozenset(), needed_python=needed)


def _with_last_resort(
    plan: Plan, chosen: list[Remedy], diagnosis: Diagnosis, bundle: Bundle | None, *, allow_unlocked: bool
) -> Plan:
    """Add the previous release, else the bundle in full; else say what to transfer."""
    former = intact_former(diagnosis)
    if former is not None:
        kept = [cure for cure in chosen if not isinstance(cure, cures.WriteLaunchers)]
        return replace(plan, remedies=_ordered([*kept, cures.GoBack((former.id,))]), unmet=bring(diagnosis))
    if bundle is not None and _may_replace(bundle, diagnosis) and not lacks_base(bundle, diagnosis):
        # the new release makes all of this anew
        lasting = (cures.MendPlaces, cures.MendRights, cures.CleanUp, cures.ProtectSettings, cures.MarkComplete)
        kept = [cure for cure in chosen if isinstance(cure, lasting)]
        return replace(plan, remedies=_ordered([*kept, cures.Reinstall((str(bundle.location),))]))
    notes = () if allow_unlocked or diagnosis.proof is None or _lacks_more(diagnosis) else (_hint(),)
    plan = replace(plan, unmet=bring(diagnosis), notes=notes)
    if diagnosis.proof is None or diagnosis.release is None:
        return replace(plan, remedies=_ordered(chosen))
    packages = damaged_packages(diagnosis)
    parts = parts_of(diagnosis, packages)
    if can_build_in_part(diagnosis, packages):
        chosen = [*chosen, *_of_the_release(diagnosis, parts)]
    return replace(plan, remedies=_ordered(chosen), left=parts.left, damaged=frozenset(parts.contents))


def _hint() -> str:
    return _("--allow-unlocked tries other versions that are stored here; that set of packages is not signed.")


def _may_replace(bundle: Bundle, diagnosis: Diagnosis) -> bool:
    """Return whether a bundle is not older than what is there, and of the same product as far as that is known."""
    if diagnosis.release is not None and bundle.manifest.product.counter < diagnosis.release.order[0]:
        return False
    known = diagnosis.proof.manifest.product.name if diagnosis.proof else None
    known = known or (diagnosis.receipt.product if diagnosis.receipt else None)
    return known is None or bundle.manifest.product.name == known


def lacks_base(bundle: Bundle, diagnosis: Diagnosis) -> bool:
    """Return whether a bundle is a delta against files that are not stored here."""
    return bool(delta.lacking(bundle, Store(diagnosis.prefix.store)))


def intact_former(diagnosis: Diagnosis) -> Release | None:
    """Return another release that is as it was sealed, the one that a rollback goes to first."""
    prefix, damaged = diagnosis.prefix, diagnosis.release
    candidates = [retention.previous(prefix), *reversed(prefix.complete_releases())]
    for release in candidates:
        if release is None or (damaged is not None and release.id == damaged.id):
            continue
        try:
            receipt = receipts.read_receipt(release)
            if receipts.contradicted(prefix, release):
                continue
            if receipt.release == release.id and not receipts.compare(release, receipt, diagnosis.digests):
                return release
        except (RagtraceError, OSError):
            continue
    return None
