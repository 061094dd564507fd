"""The highest sequence number that each installation has had, so that an older statement is noticed.

A file of the centre, not of the folder to which hosts write. No number in it ever becomes lower.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from bundle import strict
from bundle.strict import Document, Fields, by, refuse
from shared import reading, troubles
from shared.errors import UsageError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT = 256 << 20  # bytes
NAME_LIMIT = 600  # characters of an installation's name here


class Last(NamedTuple):
    """The highest sequence number of an installation, the digest of the statement that had it, and of where it was."""

    sequence: int
    sha256: str
    place: str


def _numbers(value: Any, path: str) -> dict[str, Last]:
    if not isinstance(value, dict):
        raise refuse(path, _("not an object"))
    found = {}
    for name, item in value.items():
        fields = Fields(item, f"{path}.{name[:80]}")
        strict.text(name, path, limit=NAME_LIMIT)
        numbers = fields.integer("sequence", least=1), fields.nested("sha256", strict.sha256)
        found[name] = Last(*numbers, place=fields.nested("place", strict.sha256))
        fields.done()
    return found


def _written(value: Mapping[str, Last]) -> dict[str, Any]:
    return {name: last._asdict() for name, last in value.items()}


@dataclass(frozen=True)
class Memory(Document):
    """The last statement of each installation and kind, by the name that ``name_of`` gives."""

    last: Mapping[str, Last] = field(default_factory=dict, metadata=by(_numbers, write=_written))

    def raised(self, found: Mapping[str, Last]) -> Memory:
        """Return this memory with the higher of both numbers for each name."""
        last = dict(self.last)
        for name, one in found.items():
            if name not in last or one.sequence > last[name].sequence:
                last[name] = one
        return Memory(last)


def name_of(keyid: str, installation: str, kind: str) -> str:
    """Return the name of an installation and a kind of statement."""
    return f"{keyid}/{kind}/{installation}"


def read(path: Path) -> Memory:
    """Return the memory in a file; an empty one if there is no such file yet. Raises TrustError if it is damaged."""
    try:
        data = reading.read(path, LIMIT)
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        wanted = _("Specify the file in which 'fleet report' recorded sequence numbers.")
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError, wanted=wanted) from error
    return Memory.from_bytes(data, path.name, limit=LIMIT)


def remember(path: Path, found: Mapping[str, Last]) -> None:
    """Raise the numbers in a file; what another run has recorded in the meantime stays."""
    before = read(path)
    after = before.raised(found)
    if after != before:
        outputs.write(path, after.to_bytes())
