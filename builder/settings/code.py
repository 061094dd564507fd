"""Find the settings that Python code reads, from its syntax tree, without running it.

Supported are os.environ and copies of it, os.getenv, python-dotenv, settings classes of pydantic, ``envvar``
of click and typer, decouple, environs and similar packages, and the project's own functions around these
(wrappers.py). A name must be a string literal, or a variable bound to literals by an assignment or a loop in
the same file.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from builder.settings.names import Wrapper

MAKERS = tuple(
    f"{module}.{name}"
    for module, names in {
        "decouple": ("Config", "AutoConfig"),
        "environs": ("Env", "FileAwareEnv"),
        "environ": ("Env", "FileAwareEnv"),
        "starlette.config": ("Config",),
    }.items()
    for name in names
)
NO_READERS = ("prefixed", "read_env", "read_envfile", "seal", "add_parser", "parser_for", "dump", "__init__")
Texts = tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """A read of a setting: its alternative names, the line, and whether names are case-insensitive."""

    names: tuple[str, ...]
    line: int
    any_case: bool = False


class Module:
    """The syntax tree of a file, and the values that its names are bound to."""

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = list(ast.walk(tree))
        self.tree = tree
        self.origins = dict(_imported(self.nodes))
        self.texts: dict[str, Texts] = {}
        self.mappings: set[str] = set()
        self.readers: set[str] = set()
        self.wrappers: dict[str, Wrapper] = {}
        self._bind()

    def dotted(self, node: ast.AST) -> str:
        """Return the dotted name of the import that a name or attribute refers to (for example, os.environ), or ''."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        origin = self.origins.get(node.id, "") if isinstance(node, ast.Name) else ""
        return ".".join([origin, *reversed(parts)]) if origin else ""

    def texts_of(self, node: ast.AST | None) -> Texts:
        """Return the strings that an expression can evaluate to; empty if unknown."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return (node.value,)
        if isinstance(node, ast.Name):
            return self.texts.get(node.id, ())
        items = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else ()
        found = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        return tuple(found) if len(found) == len(items) else ()

    def is_mapping(self, node: ast.AST) -> bool:
        """Return whether an expression is the environment, a copy of it, or the result of dotenv_values."""
        while isinstance(node, (ast.Call, ast.Dict)):
            if isinstance(node, ast.Dict):
                return any(key is None and self._is_plain(value) for key, value in zip(node.keys, node.values))
            if self.dotted(node.func) == "dotenv.dotenv_values":
                return True
            if isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
                node = node.func.value
            elif isinstance(node.func, ast.Name) and node.func.id == "dict" and node.args:
                node = node.args[0]
            else:
                return False
        return self._is_plain(node)

    def _is_plain(self, node: ast.AST) -> bool:
        called = self.dotted(node.func) if isinstance(node, ast.Call) else ""
        named = isinstance(node, ast.Name) and node.id in self.mappings
        return named or self.dotted(node) == "os.environ" or called == "dotenv.dotenv_values"

    def is_reader(self, node: ast.AST) -> bool:
        """Return whether an expression is an object that reads a setting when called with its name."""
        return self.dotted(node) == "decouple.config" or (isinstance(node, ast.Name) and node.id in self.readers)

    @property
    def strings(self) -> Iterator[str]:
        """All string constants of the file."""
        return (node.value for node in self.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))

    def _bind(self) -> None:
        """Record the names bound to copies of the environment or readers, and those bound only once to strings."""
        times: Counter[str] = Counter(
            node.id if isinstance(node, ast.Name) else node.arg
            for node in self.nodes
            if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        )
        for target, value, is_loop in bindings(self.nodes):
            if self.is_mapping(value) and not is_loop:
                self.mappings.add(target)
            elif isinstance(value, ast.Call) and self.dotted(value.func) in MAKERS:
                self.readers.add(target)
            elif times[target] == 1 and self.texts_of(value):
                self.texts[target] = self.texts_of(value)


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield (name.asname, name.name) if name.asname else (name.name.split(".")[0], name.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((name.asname or name.name, f"{node.module}.{name.name}") for name in node.names)


def bindings(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr, bool]]:
    """Yield each bound name, its value, and whether it is the variable of a loop over that value."""
    for node in nodes:
        targets: Sequence[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr, ast.For, ast.comprehension)):
            targets = (node.target,)
        is_loop = isinstance(node, (ast.For, ast.comprehension))
        value = getattr(node, "iter" if is_loop else "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                yield target.id, value, is_loop


def reads(module: Module) -> list[Read]:
    """Return the reads of settings in a file, except those that only save a value to restore it later."""
    found: list[tuple[int, Read]] = []
    stored: set[tuple[int, str]] = set()  # (function, name) of settings that are set unconditionally
    work: list[tuple[ast.AST, int, frozenset[str], str]] = [(module.tree, 0, frozenset(), "")]
    while work:
        node, function, guards, prefix = work.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            function = id(node)
        elif isinstance(node, ast.If):
            guards |= {name for part in ast.walk(node.test) for name in _names_read(module, part)}
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            prefix += "".join(_prefix(module, item.context_expr) for item in node.items)
        stored.update((function, name) for name in _names_written(module, node) if name not in guards)
        line = getattr(node, "lineno", 0)
        found.extend((function, Read((prefix + name,), line)) for name in _names_read(module, node))
        work.extend((child, function, guards, prefix) for child in ast.iter_child_nodes(node))
    return [read for function, read in found if (function, read.names[0]) not in stored]


def _names_read(module: Module, node: ast.AST) -> Texts:
    """Return the names of the settings that a node of the syntax tree reads."""
    words = node.keywords if isinstance(node, ast.Call) else ()
    options = next((module.texts_of(word.value) for word in words if word.arg == "envvar"), ())
    if options:
        return options[:1]  # the first variable that is set counts, so listing one is enough
    expression, wrapper = asked(module, node)
    texts = module.texts_of(expression)
    return tuple(name for text in texts for name in wrapper.made(text)) if wrapper else texts


def asked(module: Module, node: ast.AST) -> tuple[ast.expr | None, Wrapper | None]:
    """Return the expression for the name that a node looks up, and the wrapper, if any, that derives the setting.

    Both are None if the node looks up nothing.
    """
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and module.is_mapping(node.value):
        return node.slice, None
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return (node.left if module.is_mapping(node.comparators[0]) else None), None
    if not isinstance(node, ast.Call):
        return None, None
    wrapper = module.wrappers.get(spelled(node.func))
    return (wrapper.argument(node), wrapper) if wrapper else (_asked_by(module, node), None)


def _asked_by(module: Module, call: ast.Call) -> ast.expr | None:
    """Return the argument with the setting's name in a call of a known function, or None for any other call."""
    called, first = module.dotted(call.func), call.args[0] if call.args else None
    if called == "dotenv.get_key":
        return call.args[1] if len(call.args) > 1 else None
    if called == "os.getenv":
        return first or next((word.value for word in call.keywords if word.arg == "key"), None)
    if module.is_reader(call.func):
        return first
    if isinstance(call.func, ast.Attribute):
        owner, name = call.func.value, call.func.attr
        if name in ("get", "setdefault", "pop") and module.is_mapping(owner):
            return first
        if module.is_reader(owner) and name not in NO_READERS:
            return first
    return None


def spelled(node: ast.AST) -> str:
    """Return a name or a chain of attributes as written, for example ``self.get``, or '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _names_written(module: Module, node: ast.AST) -> Texts:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return module.texts_of(node.slice) if module.dotted(node.value) == "os.environ" else ()
    return ()


def _prefix(module: Module, node: ast.expr) -> str:
    """Return the prefix that ``with env.prefixed("PREFIX_")`` adds to each name in its block, or ''."""
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Call) and isinstance(func, ast.Attribute) and func.attr == "prefixed":
        return "".join(module.texts_of(node.args[0])[:1]) if node.args and module.is_reader(func.value) else ""
    return ""
