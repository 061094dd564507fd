"""Write the bytecode of modules and of all that they import, without running any, while another process imports them.

Standard input is a JSON object: ``first`` lists modules that another process is importing in this order, ``rest``
modules that nothing imports otherwise. This compiles both from the last to the first, so that the two processes meet
halfway; then it imports what ``rest`` has beyond the imports of ``first``, because no reading of the source finds the
modules that a package loads by name. If ``first`` is empty, ``rest`` is only imported. Nothing is printed, and a module
that fails is passed over.

Most of a first import's time is compiling. An import in a function is not followed, nor one below ``TYPE_CHECKING``.
"""

from __future__ import annotations

import contextlib
import dis
import gc
import importlib
import json
import os
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = "site-packages"
NEWLOCALS = 2  # a flag of the code of functions, which class bodies and modules lack (inspect.CO_NEWLOCALS)
IMPORT = dis.opmap["IMPORT_NAME"]
WITHOUT_EFFECT = ("EXTENDED_ARG", "CACHE", "NOP", "NOT_TAKEN")


class Modules:
    """The modules below the folders of sys.path that hold installed packages; they are found, never imported."""

    def __init__(self, folders: list[str]) -> None:
        self.folders = folders
        self.seen: set[str] = set()
        self._entries: dict[str, set[str]] = {}
        self._places: dict[str, Optional[str]] = {}

    def compile(self, names: list[str]) -> None:
        """Write the bytecode of modules and of what they import, the last of a list first."""
        waiting = [one for name in names for one in with_parents(name)]
        while waiting:
            name = waiting.pop()
            if name in self.seen:
                continue
            self.seen.add(name)
            place = self.place(name)
            if place is None or not place.endswith(".py"):
                continue
            with contextlib.suppress(Exception):  # a template, an example, or a module for another Python
                code: Any = SourceFileLoader(name, place).get_code(name)
                package = name if os.path.basename(place) == "__init__.py" else name.rpartition(".")[0]
                waiting += [one for found in imports(code, package) for one in with_parents(found)]

    def place(self, name: str) -> str | None:
        """Return the path of a module's source, of a package's folder if that has no source, or None."""
        if name not in self._places:
            parent, _dot, last = name.rpartition(".")
            self._places[name] = self._below(self._folders_of(parent), last)
        return self._places[name]

    def _folders_of(self, parent: str) -> list[str]:
        if not parent:
            return self.folders
        place = self.place(parent)
        if place is None:
            return []
        if not place.endswith(".py"):
            return [place]
        return [os.path.dirname(place)] if os.path.basename(place) == "__init__.py" else []

    def _below(self, folders: list[str], last: str) -> str | None:
        for folder in folders:
            entries, path = self._in(folder), os.path.join(folder, last)
            if last in entries and os.path.isdir(path):
                return os.path.join(path, "__init__.py") if "__init__.py" in self._in(path) else path
            if last + ".py" in entries:
                return path + ".py"
        return None

    def _in(self, folder: str) -> set[str]:
        if folder not in self._entries:
            self._entries[folder] = set()
            with contextlib.suppress(OSError):
                self._entries[folder] = set(os.listdir(folder))
        return self._entries[folder]


def with_parents(name: str) -> list[str]:
    """Return a module's name and those of the packages around it, which an import runs first."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def imports(code: CodeType, package: str) -> Iterator[str]:
    """Yield the absolute names that a module imports when it runs; a name imported from a package may be no module."""
    if IMPORT in code.co_code[::2]:
        yield from _imports(code, package)
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and not constant.co_flags & NEWLOCALS:  # the body of a class
            yield from imports(constant, package)


def _imports(code: CodeType, package: str) -> Iterator[str]:
    former: list[Any] = [None, None]  # the values loaded before an import: its level, and the names after `import`
    skipped_until, is_for_types = 0, False
    for step in dis.get_instructions(code):
        if step.offset < skipped_until or step.opname in WITHOUT_EFFECT:
            continue
        if step.opname == "IMPORT_NAME":
            level, names = former
            module = absolute(step.argval, level, package)
            yield module
            yield from (f"{module}.{name}" for name in names or () if name != "*")
        elif is_for_types and step.opname.startswith("POP_JUMP") and "IF_FALSE" in step.opname:
            skipped_until = step.argval
        loads_flag = step.opname.startswith("LOAD_") and step.argval == "TYPE_CHECKING"
        is_for_types = loads_flag or (is_for_types and step.opname == "TO_BOOL")
        former = [former[1], step.argval]


def absolute(name: str, level: int, package: str) -> str:
    """Return the absolute name of the module in ``from <level dots>name import …``."""
    if not level:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def main(first: list[str], rest: list[str]) -> None:
    """Compile all modules; then import those of ``rest`` that ``first`` does not import."""
    gc.disable()
    modules = Modules([path for path in sys.path if os.path.basename(path) == SITE])
    modules.compile(first)
    covered = {name for name in modules.seen if modules.place(name)}
    if first:
        modules.compile(rest)
    for name in rest:
        if name not in covered:
            with contextlib.suppress(BaseException):
                importlib.import_module(name)


if __name__ == "__main__":
    main(**json.loads(sys.stdin.read()))
    os._exit(0)  # tearing down thousands of modules takes seconds
