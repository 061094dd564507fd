"""The remedies, from the smallest to the last resort; each says what it does, its risk and its effect.

Those that are ``in_place`` change one small thing under the lock. All others together make one
new release; the damaged one stays active until that works.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bootstrap.i18n import _
from validator.remedy import (
    APPLICATION,
    CRASH,
    ENVIRONMENT,
    INTERPRETER,
    LAUNCHER,
    MODEL,
    PAPERS,
    PLACE,
    POINTER,
    RIGHTS,
    RUN_FILES,
    SEAL,
    SETTINGS,
    STORE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.bundle.manifest import Manifest

NO_RISK, LOW, MEDIUM, HIGH = "none", "low", "medium", "high"
NAMES_SHOWN = 8


@dataclass(frozen=True)
class Remedy(ABC):
    """What is done about some findings. ``names`` are what it touches: packages, files, a release."""

    id: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    risk: ClassVar[str] = LOW
    in_place: ClassVar[bool] = False

    names: tuple[str, ...] = ()

    @abstractmethod
    def what(self) -> str:
        """Return what is done, as a line of the plan."""

    def effect(self) -> str:
        """Return what the operator notices of it."""
        return _("A new release takes the place of the damaged one; data and settings stay as they are.")

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


class CleanUp(Remedy):
    """Undoes what a crash left."""

    id = "clean-up"
    kinds = (CRASH,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("undo what a run that did not end left behind")

    def effect(self) -> str:
        return _("Unfinished files of the installer go; the active release stays.")


class MendPlaces(Remedy):
    """Makes the tool's own folders and files what they must be."""

    id = "places"
    kinds = (PLACE,)
    in_place = True

    def what(self) -> str:
        return _("put the tool's own folders and files in order: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("What is in the way is moved beside, under a name that ends in .moved- and a number.")


class MendRights(Remedy):
    """Gives installed files the owner and the rights that sealing gave them."""

    id = "rights"
    kinds = (RIGHTS,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("give the installed files their owner and rights again: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Nobody else can change what runs; no content changes.")


class ProtectSettings(Remedy):
    """Takes the rights of others on .env away."""

    id = "settings"
    kinds = (SETTINGS,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("make {names} readable for its owner alone").format(names=self.listed())

    def effect(self) -> str:
        return _("Other users of this host can no longer read the keys in it; its content stays.")


class MarkComplete(Remedy):
    """Restores the mark of a release that was active, and so was complete."""

    id = "seal"
    kinds = (SEAL,)
    in_place = True

    def what(self) -> str:
        return _("restore the mark that {release} is complete").format(release=self.listed())

    def effect(self) -> str:
        return _("The release counts again.")


class PointCurrent(Remedy):
    """Makes ``current`` lead to a release again."""

    id = "current"
    kinds = (POINTER,)
    in_place = True

    def what(self) -> str:
        return _("make {release} the current release again").format(release=self.listed())

    def effect(self) -> str:
        return _("The commands in bin start this release.")


class WriteLaunchers(Remedy):
    """Writes the commands in PREFIX/bin anew."""

    id = "launchers"
    kinds = (LAUNCHER,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("write the commands anew: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("The commands in bin are as they were installed.")


class KeepPapers(Remedy):
    """Writes the second copy of what proves where the release came from."""

    id = "papers"
    kinds = (PAPERS,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("copy the manifest and its signatures once more")

    def effect(self) -> str:
        return _("A later repair has its proof, should the copy in the release be damaged.")


class HealStore(Remedy):
    """Fills the store from good copies that this host still has."""

    id = "store-heal"
    kinds = (STORE,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("restore kept files from their copies in the release: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Only what repairs need is written; nothing that runs changes.")


class FillStore(Remedy):
    """Fills the store from the bundle that the release was made from."""

    id = "store-fill"
    kinds = (STORE,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("restore kept files from the bundle: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Every byte of the bundle is verified again; only what is missing is written.")


class LinkModels(Remedy):
    """Links model files from the store again, where they were verified."""

    id = "models"
    kinds = (MODEL,)

    def what(self) -> str:
        return _("take the model files from the store again")


class ReinstallPackages(Remedy):
    """Installs damaged packages anew from their kept wheels and takes over all others."""

    id = "packages"

    def what(self) -> str:
        return _("install again from the kept wheels, and nothing else: {names}").format(names=self.listed())


class RestoreFiles(Remedy):
    """Lays the application's files, its start files and the bundle's papers out again."""

    id = "files"
    kinds = (APPLICATION, RUN_FILES)

    def what(self) -> str:
        return _("lay the files of the application and its start out again")

    def effect(self) -> str:
        return _("Altered and added files of the application are left out; the backup keeps the added ones.")


class RemakeEnvironment(Remedy):
    """Makes the virtual environment's own files anew and takes over the packages."""

    id = "environment"
    kinds = (ENVIRONMENT, INTERPRETER)

    def what(self) -> str:
        return _("make the environment's own files anew and take over its packages")


class RebuildEnvironment(Remedy):
    """Installs every package anew from the kept wheels, as the lock says."""

    id = "rebuild"
    risk = MEDIUM

    def what(self) -> str:
        return _("build the release anew from the signed manifest and all kept wheels")

    def effect(self) -> str:
        return _("This takes as long as an installation; data and settings stay as they are.")


@dataclass(frozen=True)
class ResolveAgain(Remedy):
    """Installs other versions from the kept wheels, where those of the lock are lost."""

    id: ClassVar[str] = "resolve"
    risk: ClassVar[str] = HIGH

    manifest: Manifest | None = None

    def what(self) -> str:
        return _("build the release from other versions that are kept here: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Nobody signed this set of packages; validate warns as long as it is active.")


class GoBack(Remedy):
    """Makes the former release active."""

    id = "rollback"
    risk = MEDIUM

    def what(self) -> str:
        return _("go back to the release {release}, which is intact").format(release=self.listed())

    def effect(self) -> str:
        return _("An earlier version runs; data and settings stay as they are.")


class Reinstall(Remedy):
    """Installs a bundle in full."""

    id = "reinstall"
    risk = MEDIUM

    def what(self) -> str:
        return _("install the bundle in full: {path}").format(path=self.listed())

    def effect(self) -> str:
        return _("This takes as long as an installation; data and settings stay as they are.")


# the order in which remedies are applied, which is the order of the ladder
LADDER: Sequence[type[Remedy]] = (
    MendPlaces,
    MendRights,
    MarkComplete,
    PointCurrent,
    CleanUp,
    ProtectSettings,
    KeepPapers,
    HealStore,
    FillStore,
    WriteLaunchers,
    LinkModels,
    ReinstallPackages,
    RestoreFiles,
    RemakeEnvironment,
    RebuildEnvironment,
    ResolveAgain,
    GoBack,
    Reinstall,
)


def risk_text(risk: str) -> str:
    """Return a risk in the operator's language."""
    return {NO_RISK: _("none"), LOW: _("low"), MEDIUM: _("medium"), HIGH: _("high")}[risk]
