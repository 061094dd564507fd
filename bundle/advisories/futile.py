"""Exceptions that cannot do what they should: for every version, or for none that any advisory affects."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from bundle.advisories.matcher import CLEAR, judge
from bundle.advisories.snapshot import INDEX
from bundle.advisories.versions import FIRST, public
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bundle.advisories.exceptions import Exemption
    from bundle.advisories.index import Advisory
    from bundle.advisories.snapshot import Snapshot

# versions that only a specifier without a bound contains all
_EVERYWHERE = tuple(map(Version, ("0", "0.0.1", "1.0", "12.3", "2031.1.1", "999999", "9999!0")))
_VERSION = re.compile(r"[0-9][0-9A-Za-z.!+_-]*")
_JUST_ABOVE = ".0.0.1"  # appended to a release, it gives the next higher one that anybody would publish


def futile(exemptions: Iterable[Exemption], snapshot: Snapshot | None) -> Iterator[tuple[Exemption, str]]:
    """Yield each exception that cannot do what it should, with the reason.

    Without a snapshot, only those for every version can be found.
    """
    for exemption in exemptions:
        reason = _too_wide(exemption) or ("" if snapshot is None else _never(exemption, snapshot))
        if reason:
            yield exemption, reason


def _too_wide(exemption: Exemption) -> str:
    wanted = SpecifierSet(exemption.versions)
    if all(wanted.contains(version, prereleases=True) for version in _EVERYWHERE):
        return _("{versions} matches every version, including fixed and future ones").format(
            versions=exemption.versions
        )
    return ""


def _never(exemption: Exemption, snapshot: Snapshot) -> str:
    """Return why an exception matches nothing that the snapshot knows, or ""."""
    about = [one for one in snapshot.index.of(exemption.package) if exemption.id in (one.id, *one.aliases)]
    if about:
        if any(_meets(exemption, advisory) for advisory in about):
            return ""
        return _("{versions} matches no version that the advisory affects").format(versions=exemption.versions)
    if exemption.id in snapshot.withdrawn:
        return _("the advisory was withdrawn")
    if json.dumps(exemption.id, ensure_ascii=False).encode() in snapshot.member(INDEX):
        return _("the advisory is not about this package")
    return _("the advisories contain no such identifier")


def _meets(exemption: Exemption, advisory: Advisory) -> bool:
    """Return whether an exception contains a version that an advisory affects, or may affect."""
    if advisory.undecided:
        return True
    wanted = SpecifierSet(exemption.versions)
    # two unions of intervals meet at a lower end of one of them, or right above it
    ends = {*(one.rstrip(".") for one in _VERSION.findall(exemption.versions)), *advisory.versions, str(FIRST)}
    for interval in (*advisory.affected, *advisory.possible):
        ends |= {str(interval.low), *([] if interval.high is None else [str(interval.high)])}
    near = {text for end in ends for text in (end, f"{end}.dev0", f"{end}{_JUST_ABOVE}")}
    versions = {version for version in map(public, near) if version is not None}
    return any(
        wanted.contains(version, prereleases=True) and judge(advisory, str(version)) != CLEAR for version in versions
    )
