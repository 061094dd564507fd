"""Names of ``[imports] lazy`` that have no effect, because no module of the source imports them."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from builder.sources.source import SourceFile


def unused(names: Collection[str], sources: Iterable[SourceFile]) -> list[str]:
    """Return the names that no module of the source imports, neither directly nor through a submodule or attribute."""
    if not names:
        return []
    imported = {part for item in sources if item.path_in_app.endswith(".py") for part in _imported(item)}
    return [name for name in names if name not in imported]


def lines(names: Collection[str], sources: Iterable[SourceFile]) -> Iterator[str]:
    """Yield a warning that lists the names no source module imports, if any."""
    found = unused(names, sources)
    if found:
        yield _("[imports] lazy: no source module imports {names}; check the spelling").format(names=", ".join(found))


def _imported(item: SourceFile) -> Iterator[str]:
    """Yield every module that a file imports, with its parent packages; nothing if the file is not valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(item.file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return
    package = item.path_in_app.split("/")[:-1]
    for node in ast.walk(tree):
        for module in _modules(node, package):
            parts = module.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _modules(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
