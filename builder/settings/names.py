"""Derive the settings that a call of a wrapper function reads from the argument that names them."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Wrapper:
    """A function that reads settings: the argument with the name, and the names derived from it.

    Each of ``chains`` derives one name, in steps of (prefix, suffix, whether the name is uppercased).
    """

    position: int = 0
    keyword: str = ""
    chains: frozenset[tuple[tuple[str, str, bool], ...]] = frozenset({()})

    def argument(self, call: ast.Call) -> ast.expr | None:
        """Return the argument with the name, or None if the call does not have it."""
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
        """Return the settings that are read for a name, sorted."""
        return tuple(sorted(_made(name, chain) for chain in self.chains))


def _made(name: str, chain: tuple[tuple[str, str, bool], ...]) -> str:
    for before, after, is_upper in chain:
        name = before + (name.upper() if is_upper else name) + after
    return name
