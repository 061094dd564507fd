"""Evaluates ``-X importtime``: how long each package takes to import, and the imports that lead to it."""

from __future__ import annotations

from dataclasses import dataclass

MARK = "import time:"


@dataclass(frozen=True)
class Cost:
    """The cost of importing a package.

    ``seconds`` includes everything that the package imports; ``modules`` is the number of its own modules. Each module
    in ``chain``, outermost first, imports the next one; the last one imports the package.
    """

    package: str
    seconds: float
    modules: int
    chain: tuple[str, ...]


def parse(text: str) -> list[tuple[str, int, int, int]]:
    """Return (module, own microseconds, cumulative microseconds, depth) for each line, in the output's order."""
    found = []
    for line in text.splitlines():
        parts = line[len(MARK) :].split("|") if line.startswith(MARK) else []
        if len(parts) == 3 and parts[0].strip().isdigit() and parts[1].strip().isdigit():
            name = parts[2].strip()
            depth = (len(parts[2]) - len(parts[2].lstrip()) - 1) // 2
            found.append((name, int(parts[0]), int(parts[1]), depth))
    return found


def costs(tree: list[tuple[str, int, int, int]]) -> list[Cost]:
    """Return the cost of each top-level package, most expensive first.

    Each import counts with everything below it, unless it is nested in an import of the same package.
    """
    seconds: dict[str, int] = {}
    modules: dict[str, int] = {}
    dearest: dict[str, tuple[int, tuple[str, ...]]] = {}
    above: list[str] = []
    # a module's line follows those of its imports, so the tree is read from its end
    for name, _own, whole, depth in reversed(tree):
        del above[depth:]
        package = name.partition(".")[0]
        modules[package] = modules.get(package, 0) + 1
        if package not in {module.partition(".")[0] for module in above}:
            seconds[package] = seconds.get(package, 0) + whole
            if whole >= dearest.get(package, (-1, ()))[0]:
                dearest[package] = whole, tuple(above)
        above.append(name)
    found = [Cost(name, whole / 1e6, modules[name], dearest[name][1]) for name, whole in seconds.items()]
    return sorted(found, key=lambda cost: -cost.seconds)


def blamed(found: list[Cost], own: set[str]) -> list[Cost]:
    """Return the packages that the application itself imports, because only these imports can be deferred.

    ``own`` lists the top-level names of the application.
    """
    return [
        cost
        for cost in found
        if cost.package not in own and (not cost.chain or cost.chain[-1].partition(".")[0] in own)
    ]
