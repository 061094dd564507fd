"""A model of an application: its origin, and how to check that it is the right one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from bundle import names, strict
from bundle.strict import Value, by, refuse
from shared.i18n import _


@dataclass(frozen=True)
class Probe(Value):
    """A sentence and the embedding that the installed model must return for it, or known properties of that embedding.

    ``command`` is a launcher and its arguments; the sentence is appended, and the command prints the
    embedding as a JSON list. Components may differ by at most ``tolerance`` each; if ``embedding`` is
    empty, ``dimension`` is their number. ``normalised`` means that the embedding's length is 1. ``batch`` is a
    command that embeds each of several sentences appended to it, for measuring, or empty if there is none.
    """

    command: tuple[str, ...] = field(metadata=by(strict.texts, most=100))
    sentence: str = field(metadata=by(strict.text))
    embedding: tuple[float, ...] = field(metadata=by(strict.items, of=partial(strict.number, most=1e6), most=100_000))
    tolerance: float = field(metadata=by(strict.number))
    batch: tuple[str, ...] = field(default=(), metadata=by(strict.texts, most=100))
    dimension: int | None = field(
        default=None, metadata=by(strict.optional, of=partial(strict.integer, least=1, most=100_000), added=True)
    )
    normalised: bool = field(default=False, metadata=by(strict.boolean, added=True))

    @property
    def commands(self) -> dict[str, tuple[str, ...]]:
        return {"command": self.command, "batch": self.batch}

    def check(self, path: str) -> None:
        """Refuse a probe that compares nothing, and an embedding that contradicts its dimension."""
        if not self.command or not (self.embedding or self.dimension) or not 0 < self.tolerance < 1:
            raise refuse(path, _("needs a command, an embedding or its dimension, and a tolerance between 0 and 1"))
        if self.embedding and self.dimension not in (None, len(self.embedding)):
            raise refuse(path, _("the embedding does not match its dimension"))


@dataclass(frozen=True)
class Model(Value):
    """A model: its name (its folder in 07_Models), its origin, its revision and its probe."""

    name: str = field(metadata=by(strict.matching, pattern=names.PLAIN, form=names.plain_form))
    repository: str = field(metadata=by(strict.text))
    revision: str = field(metadata=by(strict.text))
    probe: Probe | None = field(metadata=by(strict.optional, of=Probe.from_json))
