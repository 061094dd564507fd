"""Packages that have no wheel for a target, and the wheels or sources that exist instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.own_command import program
from bundle.target import FREE_THREADED
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bundle.target import Target

TAGS_SHOWN = 6  # wheel tags listed for a package without a compatible wheel
NEWEST_GLIBC = (2, 99)


@dataclass(frozen=True, order=True)
class Gap:
    """A package that is not available for a target: its name, version ('' if unknown) and the reason."""

    name: str
    version: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip() + f" ({self.reason})"


class MissingWheelsError(BuildError):
    """Wheels are missing for a target; ``gaps`` lists the packages, sorted by name."""

    def __init__(self, target: Target, gaps: Iterable[Gap]) -> None:
        self.gaps = tuple(sorted(gaps))
        super().__init__(
            _("No wheel for {target} with Python {python}: {packages}.").format(
                target=target, python=target.python, packages="; ".join(map(str, self.gaps))
            ),
            advice=_(
                "Lock versions that have a wheel for this target, build on a machine of this platform, omit the target "
                "or --no-build if it is given; `{program} targets` shows what each target has."
            ).format(program=program()),
        )


def why_none_fits(filenames: Sequence[str], target: Target, *, has_source: bool) -> str:
    """Return the reason why no wheel of a package is compatible with a target.

    It states the glibc version that would make one compatible, or else the wheels that exist; for a free-threaded
    Python, only that there is none. It also states whether the package has a source distribution.
    """
    found = ["-".join(filename.removesuffix(".whl").split("-")[-3:]) for filename in filenames]
    glibc = _glibc_needed(found, target)
    if glibc:
        return _("its wheels need glibc {version} or later: --glibc {version}").format(version=glibc)
    if target.python in FREE_THREADED:
        text = _("no wheel for free-threaded Python ({abi})").format(abi=target.abi)
    else:
        near = sorted(found, key=lambda tag: (target.architecture not in tag, target.abi not in tag, tag))
        more = ["…"] if len(near) > TAGS_SHOWN else []
        text = _("available wheels: {tags}").format(tags=", ".join(near[:TAGS_SHOWN] + more))
    return text + "; " + (_("a source distribution exists") if has_source else _("no source distribution"))


def _glibc_needed(tags: Sequence[str], target: Target) -> str:
    """Return the lowest glibc version that would make one of the wheels compatible, or ''."""
    if target.platform != "linux":
        return ""
    from packaging.tags import parse_tag

    newer = frozenset(replace(target, glibc=NEWEST_GLIBC).tags())
    needed = [
        int(floor)
        for tag in tags
        for single in newer & parse_tag(tag)
        for floor in re.findall(r"manylinux_2_([0-9]+)_", single.platform)
    ]
    return f"2.{min(needed)}" if needed else ""
