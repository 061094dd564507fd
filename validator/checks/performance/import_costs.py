"""What ``-X importtime`` says of a start: which packages cost what, and which imports lead to them."""

from __future__ import annotations

from dataclasses import dataclass

MARK = "import time:"


@dataclass(frozen=True)
class Cost:
    """What a package costs a start: seconds with all that it imports, and the modules that lead to it, outermost first.

    Each of ``chain`` imports the next, the last of them the package.
    """

    package: str
    seconds: float
    modules: int
    chain: tuple[str, ...]


def parse(text: str) -> list[tuple[str, int, int, int]]:
    """Return (module, own microseconds, microseconds with what it imports, depth), in the order of the output."""
    found = []
    for line in text.splitlines():
        parts = line[len(MARK) :].split("|") if line.startswith(MARK) else []
        if len(parts) == 3 and parts[0].strip().isdigit() and parts[1].strip().isdigit():
            name = parts[2].strip()
            depth = (len(parts[2]) - len(parts[2].lstrip()) - 1) // 2
            found.append((name, int(parts[0]), int(parts[1]), depth))
    return found


def costs(tree: list[tuple[str, int, int, int]]) -> list[Cost]:
    """Return what each top-level package costs, the dearest first.

    A package counts where something else imports it, with everything below; what it imports of itself is in that.
    """
    seconds: dict[str, int] = {}
    modules: dict[str, int] = {}
    dearest: dict[str, tuple[int, tuple[str, ...]]] = {}
    above: list[str] = []
    # a module's line comes after those of what it imports, so the tree is read from its end
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
    """Return the packages that the application itself imports: it alone can put those off.

    ``own`` are the top-level names of the application.
    """
    return [
        cost
        for cost in found
        if cost.package not in own and (not cost.chain or cost.chain[-1].partition(".")[0] in own)
    ]
