"""The remedies, from the smallest to the last resort; each says what it does, its risk and its effect.

Those that are ``in_place`` change one small thing under the lock. All others together make one
new release; the damaged one stays active until that works.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shared.i18n import _
from validator.remedy import (
    APPLICATION,
    CRASH,
    ENVIRONMENT,
    INTERPRETER,
    LAUNCHER,
    METADATA,
    MODEL,
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

    from bundle.manifest import Manifest

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
        return _("A new release replaces the damaged one; data and settings are not changed.")

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
        return _("undo what an unfinished run left behind")

    def effect(self) -> str:
        return _("Unfinished files of the installer are removed; the active release stays.")


class MendPlaces(Remedy):
    """Makes the tool's own folders and files what they must be."""

    id = "places"
    kinds = (PLACE,)
    in_place = True

    def what(self) -> str:
        return _("fix the tool's own folders and files: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("What is in the way is renamed: .moved- and a number are added to its name.")


class MendRights(Remedy):
    """Gives installed files the owner and the rights that sealing gave them."""

    id = "rights"
    kinds = (RIGHTS,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("reset owner and permissions of the installed files: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Other users can no longer change installed files; no content changes.")


class ProtectSettings(Remedy):
    """Takes the rights of others on .env away."""

    id = "settings"
    kinds = (SETTINGS,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("make {names} readable only by its owner").format(names=self.listed())

    def effect(self) -> str:
        return _("Other users of this host can no longer read the keys in it; its content stays.")


class MarkComplete(Remedy):
    """Restores the mark of a release that was active, and so was complete."""

    id = "seal"
    kinds = (SEAL,)
    in_place = True

    def what(self) -> str:
        return _("recreate the completion mark of {release}").format(release=self.listed())

    def effect(self) -> str:
        return _("The release counts as complete again.")


class PointCurrent(Remedy):
    """Makes ``current`` lead to a release again."""

    id = "current"
    kinds = (POINTER,)
    in_place = True

    def what(self) -> str:
        return _("activate {release} again").format(release=self.listed())

    def effect(self) -> str:
        return _("The launchers in bin start this release.")


class WriteLaunchers(Remedy):
    """Writes the commands in PREFIX/bin anew."""

    id = "launchers"
    kinds = (LAUNCHER,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("recreate the launchers: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("The launchers in bin are as they were installed.")


class WriteMetadata(Remedy):
    """Writes the second copy of what proves where the release came from."""

    id = "papers"
    kinds = (METADATA,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("write the second copy of the signed metadata")

    def effect(self) -> str:
        return _("A later repair can use it if the copy in the release is damaged.")


class HealStore(Remedy):
    """Fills the store from good copies that this host still has."""

    id = "store-heal"
    kinds = (STORE,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("repair stored files from their copies in the release: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("Only files that repairs need are written; the active release stays.")


class FillStore(Remedy):
    """Fills the store from the bundle that the release was made from."""

    id = "store-fill"
    kinds = (STORE,)
    risk = NO_RISK
    in_place = True

    def what(self) -> str:
        return _("repair stored files from the bundle: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("The whole bundle is verified again; only missing files are written.")


class LinkModels(Remedy):
    """Links model files from the store again, where they were verified."""

    id = "models"
    kinds = (MODEL,)

    def what(self) -> str:
        return _("link the model files from the store again")


class ReinstallPackages(Remedy):
    """Installs damaged packages anew from their stored wheels and reuses all others."""

    id = "packages"

    def what(self) -> str:
        return _("reinstall only these from the stored wheels: {names}").format(names=self.listed())


class RestoreFiles(Remedy):
    """Rewrites the application's files, its start files and the bundle's metadata."""

    id = "files"
    kinds = (APPLICATION, RUN_FILES)

    def what(self) -> str:
        return _("write the application's files and start files again")

    def effect(self) -> str:
        return _("Altered and added application files are left out; the backup contains the added ones.")


class RemakeEnvironment(Remedy):
    """Makes the virtual environment's own files anew and reuses the packages."""

    id = "environment"
    kinds = (ENVIRONMENT, INTERPRETER)

    def what(self) -> str:
        return _("recreate the environment's own files and reuse its packages")


class RebuildEnvironment(Remedy):
    """Installs every package anew from the stored wheels, as the lock says."""

    id = "rebuild"
    risk = MEDIUM

    def what(self) -> str:
        return _("rebuild the release from the signed manifest and all stored wheels")

    def effect(self) -> str:
        return _("This takes as long as an installation; data and settings are not changed.")


@dataclass(frozen=True)
class ResolveAgain(Remedy):
    """Installs other versions from the stored wheels, where those of the lock are lost."""

    id: ClassVar[str] = "resolve"
    risk: ClassVar[str] = HIGH

    manifest: Manifest | None = None

    def what(self) -> str:
        return _("build the release from other versions that are stored here: {names}").format(names=self.listed())

    def effect(self) -> str:
        return _("This set of packages is not signed; validate warns while it is active.")


class GoBack(Remedy):
    """Makes the previous release active."""

    id = "rollback"
    risk = MEDIUM

    def what(self) -> str:
        return _("roll back to the intact release {release}").format(release=self.listed())

    def effect(self) -> str:
        return _("An earlier version becomes active; data and settings are not changed.")


class Reinstall(Remedy):
    """Installs a bundle in full."""

    id = "reinstall"
    risk = MEDIUM

    def what(self) -> str:
        return _("install the bundle in full: {path}").format(path=self.listed())

    def effect(self) -> str:
        return _("This takes as long as an installation; data and settings are not changed.")


# the order in which remedies are applied, which is the order of the ladder
LADDER: Sequence[type[Remedy]] = (
    MendPlaces,
    MendRights,
    MarkComplete,
    PointCurrent,
    CleanUp,
    ProtectSettings,
    WriteMetadata,
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
