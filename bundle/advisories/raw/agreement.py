"""Comparing two judgements of the same packages: the matcher's, by the index, and the literal one, by the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.advisories.raw.literal import AFFECTED, CLEAR, UNDECIDED
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

POSSIBLE = "possible"  # the matcher's word where a record contradicts itself; the specification has none
# what the matcher may say to each answer of the specification
ALLOWED = {AFFECTED: (AFFECTED,), CLEAR: (CLEAR, POSSIBLE), UNDECIDED: (UNDECIDED, POSSIBLE)}


@dataclass(frozen=True, order=True)
class Difference:
    """A package's version and a record, judged differently by the index and by the record itself."""

    package: str
    version: str
    id: str
    index: str
    record: str

    @property
    def is_open(self) -> bool:
        """Whether the matcher reports a doubt: what the record decides is then no contradiction."""
        return self.index in (UNDECIDED, POSSIBLE)

    def __str__(self) -> str:
        return _("{package} {version} {id} (matcher: {index}; the record itself: {record})").format(**vars(self))


def differences(
    index: Mapping[tuple[str, str, str], str], records: Mapping[tuple[str, str, str], str]
) -> list[Difference]:
    """Return the differences between judgements by index and by records; what neither has is clear to both."""
    both = [(key, index.get(key, CLEAR), records.get(key, CLEAR)) for key in sorted({*index, *records})]
    return [
        Difference(*key, by_index, by_record) for key, by_index, by_record in both if by_index not in ALLOWED[by_record]
    ]
