"""What a snapshot has lost of an earlier one: advisories that are neither live, withdrawn nor set aside in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bundle.advisories.matcher import AFFECTED, POSSIBLE, judge
from shared.errors import TrustError
from shared.i18n import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bundle.advisories.index import Advisory, Index
    from bundle.advisories.matcher import Installed
    from bundle.advisories.snapshot import Snapshot

SHOWN = 8  # names listed in a sentence
DROP_LIMIT = 0.05  # fraction of live advisories; what databases delete between two exports has never exceeded it


@dataclass(frozen=True)
class Losses:
    """The lost advisories by package, the number of all earlier ones, and the packages that lost all of theirs.

    Advisories are counted for each package that they concern.
    """

    lost: dict[str, tuple[Advisory, ...]]
    total: int
    whole: tuple[str, ...]

    @property
    def count(self) -> int:
        return sum(map(len, self.lost.values()))

    @property
    def is_drop(self) -> bool:
        """Whether more is lost than between two honest exports."""
        return self.count > self.total * DROP_LIMIT

    def names(self) -> str:
        """The first of the lost advisories, each with its package."""
        return some(f"{one.id} ({package})" for package in sorted(self.lost) for one in self.lost[package])

    def warnings(self) -> list[str]:
        """Return a sentence about the packages that have lost all of their advisories, if there are any."""
        if not self.whole:
            return []
        text = plural(
            "all advisories of {count} package are missing: {names}",
            "all advisories of {count} packages are missing: {names}",
            len(self.whole),
        )
        return [text.format(count=len(self.whole), names=some(self.whole))]

    def hitting(self, installed: Iterable[Installed], later: Index) -> Iterator[tuple[str, str, str]]:
        """Yield package, version and ID of each lost advisory that hits an installed package.

        One whose vulnerability a later advisory reports for the same version, under another ID, is left out.
        """
        for one in sorted(set(installed), key=lambda one: (one.name, one.version or "")):
            name = canonicalize_name(one.name)
            for advisory in self.lost.get(name, ()):
                ids = {advisory.id, *advisory.aliases}
                same = (other for other in later.of(name) if ids & {other.id, *other.aliases})
                if one.version and _hits(advisory, one.version) and not any(_hits(it, one.version) for it in same):
                    yield name, one.version, advisory.id


def losses(earlier: Snapshot, later: Snapshot) -> Losses:
    """Compare two snapshots. Raises TrustError if the later one is malformed."""
    lost: dict[str, tuple[Advisory, ...]] = {}
    whole: list[str] = []
    total = 0
    # the packages of records that were set aside are undecided
    others = later.withdrawn | {one.id for one in later.header.set_aside}
    for name, line in earlier.index.lines.items():
        try:
            advisories = earlier.index.of(name)
        except TrustError:  # nothing is known of it
            continue
        total += len(advisories)
        if line == later.index.lines.get(name):
            continue
        left = {advisory.id for advisory in later.index.of(name)} | others
        gone = tuple(advisory for advisory in advisories if advisory.id not in left)
        if gone:
            lost[name] = gone
        if len(gone) == len(advisories):
            whole.append(name)
    return Losses(lost, total, tuple(whole))


def some(names: Iterable[str]) -> str:
    """Return the first names of a list, for a sentence."""
    shown = list(names)
    return ", ".join([*shown[:SHOWN], *(["…"] if len(shown) > SHOWN else [])])


def _hits(advisory: Advisory, version: str) -> bool:
    return judge(advisory, version) in (AFFECTED, POSSIBLE)
