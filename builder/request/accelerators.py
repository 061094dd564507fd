"""The accelerator of each target's bundle, and whether it is the one that the profile requires."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from builder.lock.accelerators import accelerator_of
from bundle.product.accelerator import CPU
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from builder.lock.locked import LockedWheel
    from builder.lock.targets import Standing
    from builder.project.profile import Profile
    from bundle.product.application import Application


def application_for(profile: Profile, wheels: Iterable[LockedWheel]) -> Application:
    """Return the application of a profile, with the accelerator that a target's wheels are built for."""
    found = accelerator_of(wheels)
    if found and found.kind != CPU:
        found = replace(found, required=profile.accelerator_required)
    return replace(profile.application, accelerator=found)


def require_accelerators(profile: Profile, standings: Sequence[Standing]) -> None:
    """Raise BuildError if the profile requires an accelerator, but the wheels of a target are built for none."""
    for one in standings if profile.accelerator_required else ():
        found = accelerator_of(one.selection.wheels) if one.selection else None
        if one.selection and (found is None or found.kind == CPU):
            raise BuildError(
                _("The profile requires an accelerator, but the wheels for {target} are built for none.").format(
                    target=one.target
                ),
                advice=_("Specify the extra or the group with the wheels for it (--extra, --group), or remove "
                         "accelerator.required from the profile."),
            )  # fmt: skip
