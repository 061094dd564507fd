"""Compile an application's modules so that the imports in its profile's ``lazy_imports`` run at first use.

Standard library only: the release's own interpreter runs this before a release is sealed, with the
request as JSON on standard input. The source remains unchanged; only the bytecode next to it
(``__pycache__``) differs, which Python uses as long as the source has the recorded time and size.

``from m import X`` at the top of a module becomes a branch of the module's ``__getattr__`` (PEP 562), and
each later ``X`` in a function calls it. The semantics are those of lazy imports in PEP 810.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.util
import json
import marshal
import os
import sys
from typing import TYPE_CHECKING, Any

from shared.programs.lazy.names import LAZY, Rewriter

if TYPE_CHECKING:
    from collections.abc import Iterator

GET, DIR, WANTED = "__getattr__", "__dir__", "__wanted__"
# a module that uses one of these names either may inspect its namespace, which lacks names that are not imported yet,
# or defines such a function itself; `import *` may bind names that are not known here
INTROSPECTION = {GET, LAZY, DIR, "globals", "locals", "vars", "eval", "exec", "*"}
NAMESPACES = {"f_globals", "f_locals", "__globals__"}  # attributes whose value is a namespace
BUILTINS = frozenset(dir(builtins))
# the first loop is for importlib.reload, which runs a module in its existing namespace
HELPERS = f"""
for {LAZY} in NAMES:
    globals().pop({LAZY}, None)
def {GET}({WANTED}):
    raise AttributeError(f"module {{__name__!r}} has no attribute {{{WANTED}!r}}")
def {LAZY}({WANTED}):
    found = globals()
    return found[{WANTED}] if {WANTED} in found else {GET}({WANTED})
def {DIR}():
    return [name for name in {{*globals(), *NAMES}} if name not in {(GET, LAZY, DIR)!r}]
"""


class Source:
    """One module of the application; ``packages`` lists the packages that it may be in, one for each import path.

    Raises SyntaxError or ValueError if the file is not valid Python.
    """

    def __init__(self, path: str, packages: list[str]) -> None:
        self.path, self.packages = path, packages
        with open(path, "rb") as file:
            self.data = file.read()
        self.is_package = os.path.basename(path) == "__init__.py"
        self.tree = self.parse()
        nodes = list(ast.walk(self.tree))
        self.imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
        self.names = {node.id for node in nodes if isinstance(node, ast.Name)}
        self.names.update(str(getattr(node, "name", "")) for node in self.tree.body)
        self.names.update(alias.asname or alias.name for node in self.imports for alias in node.names)
        self.inspects_itself = bool(self.names & INTROSPECTION) or any(map(is_namespace, nodes))

    def parse(self) -> ast.Module:
        return ast.parse(self.data, self.path)

    @property
    def name(self) -> str:
        """The last part of the module's name."""
        path = os.path.dirname(self.path) if self.is_package else os.path.splitext(self.path)[0]
        return os.path.basename(path)

    def asked(self, node: ast.ImportFrom) -> Iterator[str]:
        """Yield the possible absolute names of the module in ``from module import …``."""
        for package in self.packages if node.level else [""]:
            parts = package.split(".") if node.level and package else []
            parts = parts[: len(parts) - node.level + 1] if node.level > 1 else parts
            yield ".".join([*parts, *([node.module] if node.module else [])])

    def lazy_imports(self, lazy: list[str]) -> dict[str, Any]:
        """Return name → the import statement of that name alone, for the names that the profile makes lazy.

        A name that several statements import is excluded, because the last one counts, and so are Python's builtins.
        """
        found: dict[str, list[Any]] = {}
        for node in self.tree.body:
            for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                name, single = alias.asname or alias.name.partition(".")[0], None
                if self.is_wanted(node, alias.name, lazy) and not self.has_module(name) and not name.startswith("__"):
                    single = alone(node, alias)
                found.setdefault(name, []).append(single)
        return {
            name: nodes[0] for name, nodes in found.items() if len(nodes) == 1 and nodes[0] and name not in BUILTINS
        }

    def is_wanted(self, node: Any, imported: str, lazy: list[str]) -> bool:
        """Return whether the profile lists the module that a statement imports, or a package that contains it."""
        if isinstance(node, ast.Import):
            return is_named(imported, lazy)
        if imported == "*" or node.module == "__future__":
            return False
        # a package that imports a name from itself would call its own __getattr__ endlessly
        modules = [module for module in self.asked(node) if not (self.is_package and module in self.packages)]
        return any(is_named(module, lazy) or f"{module}.{imported}" in lazy for module in modules)

    def has_module(self, name: str) -> bool:
        """Return whether a package has a module of that name, which importing adds to the package's namespace."""
        entries = os.listdir(os.path.dirname(self.path)) if self.is_package else []
        return any(entry.partition(".")[0] == name for entry in entries)

    def compiled(self, lazy: list[str]) -> tuple[Any, list[str]]:
        """Return the module's code object and the names that are lazy in it."""
        imports = {} if self.inspects_itself else self.lazy_imports(lazy)
        names = set(imports)
        futures = [node for node in self.imports if getattr(node, "module", None) == "__future__"]
        are_texts = any(alias.name == "annotations" for node in futures for alias in node.names)
        while names:
            tree, rewriter = self.parse(), Rewriter(names, are_texts=are_texts)
            tree.body = [rewriter.visit(node) for node in without(tree, names)]
            if not rewriter.refused:
                insert(tree, {name: imports[name] for name in sorted(names)})
                return compile(tree, self.path, "exec", dont_inherit=True), sorted(names)
            names -= rewriter.refused
        return compile(self.data, self.path, "exec", dont_inherit=True), []


def alone(node: Any, alias: ast.alias) -> Any:
    """Return an import statement for one of the names that a statement imports."""
    single: Any = ast.Import(names=[alias])
    if isinstance(node, ast.ImportFrom):
        single = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
    return ast.copy_location(single, node)


def is_namespace(node: Any) -> bool:
    """Return whether an expression may evaluate to the namespace of its own module, or to a list of its names."""
    if isinstance(node, ast.Attribute):
        owner = getattr(node.value, "id", "")
        return node.attr in NAMESPACES or (owner == "builtins" and node.attr in INTROSPECTION)
    if isinstance(node, ast.Subscript):  # sys.modules[__name__]
        return getattr(node.slice, "id", "") == "__name__"
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dir" and not node.args


def is_named(module: str, lazy: list[str]) -> bool:
    """Return whether a list contains a module or a package that contains it."""
    return any(module == name or module.startswith(f"{name}.") for name in lazy)


def without(tree: ast.Module, names: set[str]) -> list[Any]:
    """Return the statements of a module without the imports of some names."""
    stored: list[Any] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) not in names]
            if not node.names:
                continue
        stored.append(node)
    return stored


def insert(tree: ast.Module, imports: dict[str, Any]) -> None:
    """Insert the functions that import lazy names after the docstring and the __future__ imports."""
    helpers = ast.parse(HELPERS.replace("NAMES", repr(tuple(imports)))).body
    get: Any = helpers[1]
    branches: list[Any] = [ast.Global(names=list(imports))]
    for name, statement in imports.items():
        test = ast.Compare(
            left=ast.Name(id=WANTED, ctx=ast.Load()), ops=[ast.Eq()], comparators=[ast.Constant(value=name)]
        )
        answer = ast.Return(value=ast.Name(id=name, ctx=ast.Load()))
        branch = ast.If(test=test, body=[statement, ast.copy_location(answer, statement)], orelse=[])
        branches.append(ast.copy_location(branch, statement))
    get.body[:0] = branches
    place = 1 if ast.get_docstring(tree, clean=False) is not None else 0
    while place < len(tree.body) and getattr(tree.body[place], "module", None) == "__future__":
        place += 1
    tree.body[place:place] = helpers
    ast.fix_missing_locations(tree)


def write_bytecode(path: str, code: Any) -> None:
    """Write the bytecode of a source to the path where Python expects it, validated by time and size (PEP 552).

    It is written beside and renamed: a file that is there may be a hard link into a sealed release, which keeps it.
    """
    about = os.stat(path)
    head = importlib.util.MAGIC_NUMBER + (0).to_bytes(4, "little")
    head += (int(about.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little") + (about.st_size & 0xFFFFFFFF).to_bytes(
        4, "little"
    )
    target = importlib.util.cache_from_source(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    beside = f"{target}.{os.getpid()}"
    with open(beside, "wb") as file:
        file.write(head + marshal.dumps(code))
    os.replace(beside, target)


def installed(paths: list[str]) -> Iterator[Source]:
    """Yield every module of installed packages, each a folder or a single module in the same folder."""
    for path in paths:
        if os.path.isdir(path):
            yield from sources(path, [os.pardir], [])
        else:
            with contextlib.suppress(SyntaxError, ValueError, RecursionError):
                yield Source(path, [""])


def sources(app: str, import_paths: list[str], left_out: list[str]) -> Iterator[Source]:
    """Yield every module below the application's folder, except links and the user's folders."""
    roots = [os.path.normpath(os.path.join(app, path)) for path in import_paths]
    skipped = {os.path.normpath(os.path.join(app, path)) for path in left_out}
    for folder, folders, names in os.walk(app):
        folders[:] = sorted(
            name for name in folders if name.isidentifier() and os.path.join(folder, name) not in skipped
        )
        inside = [root for root in roots if folder == root or folder.startswith(root + os.sep)]
        packages = ["" if folder == root else os.path.relpath(folder, root).replace(os.sep, ".") for root in inside]
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py") and not os.path.islink(path):
                try:
                    yield Source(path, packages)
                except (SyntaxError, ValueError, RecursionError):
                    continue  # a template or an example: Python reports the error on import


def imported_by(found: list[Source], app: str, import_paths: list[str]) -> list[str]:
    """Return the modules outside the application and the standard library that the application imports anywhere."""
    own = {entry.partition(".")[0] for path in import_paths for entry in os.listdir(os.path.join(app, path))}
    own |= set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
    modules: set[str] = set()
    for source in found:
        for node in source.imports:
            if isinstance(node, ast.Import):
                modules.update(alias.name for alias in node.names)
            elif node.module and not node.level:  # the imported names may be modules too
                modules.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return sorted(module for module in modules if module.partition(".")[0] not in own)


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Write the bytecode of the whole application; return its lazy names, and the external modules that it imports."""
    app, import_paths = request["app"], request["import_paths"]
    found = list(sources(app, import_paths, request["persist"]))
    package = list(installed(request.get("installed", [])))
    stars = [
        (module or source.name).rpartition(".")[2]
        for source in found
        for node in source.imports
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        for module in source.asked(node)
    ]
    lazy: dict[str, list[str]] = {}
    for source in found:
        # `import *` copies only existing names
        try:
            code, names = source.compiled([] if source.name in stars else request["lazy"])
        except (SyntaxError, ValueError, RecursionError):
            continue  # only the compiler refuses it: `return` outside a function
        write_bytecode(source.path, code)
        if names:
            lazy[os.path.relpath(source.path, app).replace(os.sep, "/")] = names
    for source in package:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            write_bytecode(source.path, source.compiled([])[0])
    own = {os.path.basename(path).partition(".")[0] for path in request.get("installed", [])}
    imports = imported_by([*found, *package], app, import_paths)
    return {"lazy": lazy, "imports": [name for name in imports if name.partition(".")[0] not in own]}


def serve() -> None:
    """Answer the request on standard input (shared/processes/scripts.py)."""
    sys.stdout.write("\nragtrace-answer " + json.dumps(main(json.load(sys.stdin))) + "\n")
