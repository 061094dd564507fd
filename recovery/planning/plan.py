"""The plan of a recovery, with its JSON and its human-readable form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from installer.change import retention
from recovery.repair.another_release import ReinstallPackages
from recovery.repair.remedy import NAMES_SHOWN, AnotherRelease, InPlace, Remedy, risk_text
from shared.i18n import _
from shared.terminal.console import sentence
from validator.finding_kinds import STORE

if TYPE_CHECKING:
    from recovery.inspection.finding import Finding
    from recovery.repair.remaining import Left

Chosen = TypeVar("Chosen", bound=Remedy)


@dataclass(frozen=True)
class Plan:
    """The findings of an inspection and the remedies for them.

    ``unmet`` is the advice on how to repair the rest, by transferring a bundle or running another Python; it is empty
    if nothing remains. ``left`` lists the files that remain damaged until then; ``damaged``, those of their paths that
    are in the release. ``needed_python`` is the Python version to run recover with, if another is needed. ``removes``
    lists the releases that will be removed. ``restore`` is the advice on restoring lost user data, which no repair can
    rebuild.
    """

    release: str | None
    findings: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]
    unmet: str = ""
    notes: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    damaged: frozenset[str] = frozenset()
    removes: tuple[retention.PlannedRemoval, ...] = ()
    needed_python: str = ""
    restore: str = ""

    @property
    def in_place(self) -> tuple[InPlace, ...]:
        return tuple(remedy for remedy in self.remedies if isinstance(remedy, InPlace))

    @property
    def replacing(self) -> tuple[AnotherRelease, ...]:
        """The remedies that together activate another release."""
        return tuple(remedy for remedy in self.remedies if isinstance(remedy, AnotherRelease))

    def find(self, kind: type[Chosen]) -> Chosen | None:
        return next((remedy for remedy in self.remedies if isinstance(remedy, kind)), None)

    @property
    def leaves_damage(self) -> bool:
        """Whether something is repaired but files of the release remain damaged."""
        return bool(self.remedies and self.left)

    @property
    def packages(self) -> frozenset[str]:
        """The packages that are reinstalled; all others are reused."""
        remedy = self.find(ReinstallPackages)
        return frozenset(remedy.names if remedy else ())

    @property
    def repaired(self) -> frozenset[str]:
        """The kinds of findings that are completely repaired once this plan is carried out."""
        kinds = {kind for remedy in self.remedies for kind in remedy.repaired}
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
            "in_part": self.leaves_damage,
            "removes": [gone.to_json() for gone in self.removes],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return the plan as human-readable lines."""
        shown = [_("Found:")] if self.findings else []
        for finding in self.findings:
            name = f"{finding.name}: " if finding.name else ""
            shown.append(f"  - {name}{finding.details}")
            shown += [f"      {file}" for file in finding.files[:NAMES_SHOWN]]
            if len(finding.files) > NAMES_SHOWN:
                shown.append(f"      (+{len(finding.files) - NAMES_SHOWN})")
        shown += [_("Plan:")] if self.remedies else []
        for number, remedy in enumerate(self.remedies, 1):
            shown.append(f"  {number}. {remedy.what()}")
            risk = _("risk: {risk}").format(risk=risk_text(remedy.risk))
            shown.append(f"     {risk}. {remedy.effect()}")
        shown += [retention.sentence(gone) for gone in self.removes]
        shown += [_("Still damaged:")] if self.left else []
        shown += [f"  {line}" for left in self.left for line in left.lines()]
        shown += [_("This plan does not repair everything. {advice}").format(advice=self.unmet)] if self.unmet else []
        shown += [self.restore] if self.restore else []
        shown += self.notes
        return list(map(sentence, shown))
