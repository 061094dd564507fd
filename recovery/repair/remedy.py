"""The base classes of remedies: what a remedy does, its risk, its effect for the operator, and how it is applied.

Remedies that are ``in_place`` each change one small thing. All others together activate one other release; if it does
not work, the damaged one is activated again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shared.i18n import _
from validator.finding_kinds import LAUNCHER, OF_THE_RELEASE, POINTER, RIGHTS, SEAL, UNLOCKED

if TYPE_CHECKING:
    from installer.change.retention import Collected
    from installer.layout.release import Release
    from installer.trust.admission import AdmittedBundle
    from recovery.inspection.inspection import Inspection
    from shared.terminal.progress import Progress

NO_RISK, LOW, MEDIUM, HIGH = "none", "low", "medium", "high"
NAMES_SHOWN = 8


@dataclass
class RepairContext:
    """The context in which remedies are applied.

    ``admitted`` is the bundle to repair from, if any. A remedy that makes ``inspection`` outdated replaces it.
    """

    inspection: Inspection
    admitted: AdmittedBundle | None
    progress: Progress


@dataclass(frozen=True)
class Remedy(ABC):
    """A repair for some findings. ``names`` lists the objects that it changes: packages, files, a release."""

    id: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    risk: ClassVar[str] = LOW
    in_place: ClassVar[bool]

    names: tuple[str, ...] = ()

    @abstractmethod
    def what(self) -> str:
        """Return the description of the repair for the plan."""

    @abstractmethod
    def effect(self) -> str:
        """Return the effect that the operator will notice."""

    @property
    def repaired(self) -> frozenset[str]:
        """The kinds of findings that are completely repaired once the remedy is applied."""
        return frozenset(self.kinds)

    def listed(self) -> str:
        """Return the first names, and the number of the others."""
        more = len(self.names) - NAMES_SHOWN
        return ", ".join(self.names[:NAMES_SHOWN]) + (f" (+{more})" if more > 0 else "")

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "what": self.what(),
            "names": list(self.names),
            "risk": self.risk,
            "effect": self.effect(),
            "in_place": self.in_place,
        }


class InPlace(Remedy):
    """Changes one small thing. ``uncovers`` is True if more damage may be found after it was applied."""

    in_place = True
    uncovers: ClassVar[bool] = False

    def apply(self, context: RepairContext) -> None:
        """Apply the remedy, showing its description as progress."""
        with context.progress.wait(self.what()):
            self.repair(context)

    @abstractmethod
    def repair(self, context: RepairContext) -> None:
        """Carry out the repair."""


class AnotherRelease(Remedy):
    """Activates another release.

    A plan may have several of this kind, one for each damaged part, for the operator to read; only the last is applied,
    and does the work of all of them.
    """

    in_place = False

    def effect(self) -> str:
        """Return the effect that the operator will notice."""
        return _("A new release replaces the damaged one; data and settings are not changed.")

    @property
    def repaired(self) -> frozenset[str]:
        """The kinds of findings that another release repairs: about the release, its activation and its launchers."""
        return frozenset({*OF_THE_RELEASE, POINTER, SEAL, LAUNCHER, RIGHTS, UNLOCKED})

    @abstractmethod
    def apply(self, context: RepairContext) -> Collected:
        """Activate another release if it works, and remove the damaged one; return the collected releases.

        Raises a RagtraceError on failure. The release that was active before then remains active, unless the error
        comes after the commit point of the transaction and no check failed.
        """

    def next_release(self, inspection: Inspection, admitted: AdmittedBundle | None) -> Release:  # noqa: ARG002 - a subclass needs it
        """Return the release that becomes active."""
        assert inspection.release is not None  # without one, a plan contains only last resorts
        return inspection.prefix.new_release(*inspection.release.version_key)


def risk_text(risk: str) -> str:
    """Return the name of a risk in the operator's language."""
    return {NO_RISK: _("none"), LOW: _("low"), MEDIUM: _("medium"), HIGH: _("high")}[risk]
