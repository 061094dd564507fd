"""A file that packages install with different contents, and whose is installed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bundle import names, strict
from bundle.strict import Value, by, refuse
from shared.i18n import _

LIMIT = 200_000
OWNERS_LIMIT = 1000


@dataclass(frozen=True)
class Conflict(Value):
    """A file that several packages install with different contents, and the package whose file is installed.

    ``path`` is relative to the environment, for example ``bin/tool``; ``packages`` are sorted.
    """

    path: str = field(metadata=by(strict.text))
    packages: tuple[str, ...] = field(metadata=by(strict.texts, most=OWNERS_LIMIT))
    winner: str = field(metadata=by(strict.text))

    def check(self, path: str) -> None:
        """Refuse a path outside the environment, and a winner that is not one of at least two packages."""
        parts = self.path.split("/")
        trouble = names.too_far(self.path)
        if trouble or not {"", ".", ".."}.isdisjoint(parts) or "\\" in self.path or ":" in parts[0]:
            raise refuse(f"{path}.path", trouble or _("not a path inside the environment"))
        if len(self.packages) < 2 or list(self.packages) != sorted(set(self.packages)):
            raise refuse(f"{path}.packages", _("fewer than two, not sorted, or with duplicates"))
        if self.winner not in self.packages:
            raise refuse(f"{path}.winner", _("not one of the packages"))


def read_conflicts(value: Any, path: str) -> tuple[Conflict, ...]:
    """Read a list of conflicts, sorted by path."""
    found = strict.items(value, path, of=Conflict.from_json, most=LIMIT)
    paths = [conflict.path for conflict in found]
    if paths != sorted(set(paths)):
        raise refuse(path, _("not sorted by path, or with duplicates"))
    return found
