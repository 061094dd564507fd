"""Which settings a call reads, by the one of its arguments that names them."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Wrapper:
    """Which argument of a call is the name, and what settings are made of it.

    Each of ``chains`` makes one: form by form, the text before, the text behind, and whether the name is in capitals.
    """

    position: int = 0
    keyword: str = ""
    chains: frozenset[tuple[tuple[str, str, bool], ...]] = frozenset({()})

    def argument(self, call: ast.Call) -> ast.expr | None:
        """Return the argument that is the name."""
        for word in call.keywords:
            if word.arg and word.arg == self.keyword:
                return word.value
        before = call.args[: self.position + 1]
        return (
            before[-1]
            if len(before) > self.position and not any(isinstance(one, ast.Starred) for one in before)
            else None
        )

    def made(self, name: str) -> tuple[str, ...]:
        """Return the settings that are read for a name."""
        return tuple(sorted(_made(name, chain) for chain in self.chains))


def _made(name: str, chain: tuple[tuple[str, str, bool], ...]) -> str:
    for before, after, is_upper in chain:
        name = before + (name.upper() if is_upper else name) + after
    return name
