"""What a remedy is: what it does, its risk, what the operator notices of it, and how it is applied.

Those that are ``in_place`` change one small thing under the lock. All others together make one
new release; where that does not work, the damaged one is made active again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shared.i18n import _
from validator.remedy import LAUNCHER, OF_THE_RELEASE, POINTER, RIGHTS, SEAL, UNLOCKED

if TYPE_CHECKING:
    from installer.change.retention import Collected
    from installer.layout.release import Release
    from installer.trust.admission import AdmittedBundle
    from recovery.inspection.inspection import Inspection
    from shared.terminal.progress import Progress

NO_RISK, LOW, MEDIUM, HIGH = "none", "low", "medium", "high"
NAMES_SHOWN = 8


@dataclass
class Work:
    """What remedies are applied to and with.

    ``bundle`` is one that is available and admitted; ``packages`` are those that are installed anew. A remedy
    that makes an entry of ``inspection`` untrue replaces it.
    """

    inspection: Inspection
    bundle: AdmittedBundle | None
    progress: Progress
    packages: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Remedy(ABC):
    """What is done about some findings. ``names`` are what it touches: packages, files, a release."""

    id: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    risk: ClassVar[str] = LOW
    in_place: ClassVar[bool]

    names: tuple[str, ...] = ()

    @abstractmethod
    def what(self) -> str:
        """Return what is done, as a line of the plan."""

    @abstractmethod
    def effect(self) -> str:
        """Return what the operator notices of it."""

    @property
    def repaired(self) -> frozenset[str]:
        """The kinds of findings that nothing is left of once it is applied."""
        return frozenset(self.kinds)

    def listed(self) -> str:
        """Return the first of the names, and how many more there are."""
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
    """Changes one small thing. ``uncovers`` says that more may be found once it is applied."""

    in_place = True
    uncovers: ClassVar[bool] = False

    def apply(self, work: Work) -> None:
        """Do it, and tell what is done meanwhile."""
        with work.progress.wait(self.what()):
            self.repair(work)

    @abstractmethod
    def repair(self, work: Work) -> None:
        """Do it."""


class NewRelease(Remedy):
    """Makes another release active, together with the others of its kind in a plan, of which the last is applied."""

    in_place = False

    def effect(self) -> str:
        """Return what the operator notices of it."""
        return _("A new release replaces the damaged one; data and settings are not changed.")

    @property
    def repaired(self) -> frozenset[str]:
        """The kinds of findings that nothing is left of: a release that becomes active has all of its own."""
        return frozenset({*OF_THE_RELEASE, POINTER, SEAL, LAUNCHER, RIGHTS, UNLOCKED})

    @abstractmethod
    def apply(self, work: Work) -> Collected:
        """Make another release active where it works, and remove the damaged one; return what went.

        Raises a RagtraceError; the release that was active before then stays so.
        """

    def coming(self, inspection: Inspection, bundle: AdmittedBundle | None) -> Release:  # noqa: ARG002 - one of them needs it
        """Return the release that becomes active."""
        assert inspection.release is not None  # a plan for none goes to the last resorts
        return inspection.prefix.new_release(*inspection.release.made_from)


def risk_text(risk: str) -> str:
    """Return a risk in the operator's language."""
    return {NO_RISK: _("none"), LOW: _("low"), MEDIUM: _("medium"), HIGH: _("high")}[risk]
