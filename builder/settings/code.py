"""Which settings Python code reads, seen in its syntax: nothing of it runs.

Known are os.environ and what is made of it, os.getenv, python-dotenv, settings classes of pydantic, ``envvar``
of click and typer, decouple, environs and their like, and the project's own functions around these
(wrappers.py). A name must stand there as a text, or as a constant or a loop over texts in the same file.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from builder.settings.names import Wrapper

BASES = tuple(f"{module}.BaseSettings" for module in ("pydantic_settings", "pydantic", "pydantic.v1"))
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
_Texts = tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """A place that reads a setting: the names of which any makes it, the line, whether any case of a name does."""

    names: tuple[str, ...]
    line: int
    any_case: bool = False


@dataclass
class SettingsClass:
    """A class as it stands, which may be one of settings: its bases, its fields, and what configures them.

    ``fields`` are names of variables, or of attributes where ``is_alias`` is False, each with its line.
    """

    name: str
    bases: tuple[str, ...]
    config: dict[str, object]
    fields: list[tuple[_Texts, bool, int]] = field(default_factory=list)


class Module:
    """One file's syntax, and what its names stand for."""

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = list(ast.walk(tree))
        self.tree = tree
        self.origins = dict(_imported(self.nodes))
        self.texts: dict[str, _Texts] = {}
        self.mappings: set[str] = set()
        self.readers: set[str] = set()
        self.wrappers: dict[str, Wrapper] = {}
        self._bind()

    def dotted(self, node: ast.AST) -> str:
        """Return what a name or an attribute was imported as, for example os.environ, or ''."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        origin = self.origins.get(node.id, "") if isinstance(node, ast.Name) else ""
        return ".".join([origin, *reversed(parts)]) if origin else ""

    def texts_of(self, node: ast.AST | None) -> _Texts:
        """Return the texts that an expression can have, none where that is not known."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return (node.value,)
        if isinstance(node, ast.Name):
            return self.texts.get(node.id, ())
        items = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else ()
        found = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        return tuple(found) if len(found) == len(items) else ()

    def is_mapping(self, node: ast.AST) -> bool:
        """Return whether an expression is the environment, a copy of it, or what dotenv has read."""
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
        """Return whether an expression is an object that is called with the name of a setting."""
        return self.dotted(node) == "decouple.config" or (isinstance(node, ast.Name) and node.id in self.readers)

    @property
    def strings(self) -> Iterator[str]:
        """All texts of the file."""
        return (node.value for node in self.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))

    def _bind(self) -> None:
        """Take down what names that are bound once stand for: texts, copies of the environment, readers."""
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
    """Yield the names that are bound, to what, and whether by a loop over it."""
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


# 1. what reads a name


def reads(module: Module) -> list[Read]:
    """Return the places of a file that read a setting, but for those that only save it to set it again."""
    found: list[tuple[int, Read]] = []
    kept: set[tuple[int, str]] = set()  # function and name: read, and set whatever it was
    work: list[tuple[ast.AST, int, frozenset[str], str]] = [(module.tree, 0, frozenset(), "")]
    while work:
        node, function, guards, prefix = work.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            function = id(node)
        elif isinstance(node, ast.If):
            guards |= {name for part in ast.walk(node.test) for name in _names_read(module, part)}
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            prefix += "".join(_prefix(module, item.context_expr) for item in node.items)
        kept.update((function, name) for name in _names_written(module, node) if name not in guards)
        line = getattr(node, "lineno", 0)
        found.extend((function, Read((prefix + name,), line)) for name in _names_read(module, node))
        work.extend((child, function, guards, prefix) for child in ast.iter_child_nodes(node))
    return [read for function, read in found if (function, read.names[0]) not in kept]


def _names_read(module: Module, node: ast.AST) -> _Texts:
    """Return the names that one node of the syntax reads."""
    words = node.keywords if isinstance(node, ast.Call) else ()
    options = next((module.texts_of(word.value) for word in words if word.arg == "envvar"), ())
    if options:
        return options[:1]  # of several the first that is set counts: one is enough to set it
    expression, wrapper = asked(module, node)
    texts = module.texts_of(expression)
    return tuple(name for text in texts for name in wrapper.made(text)) if wrapper else texts


def asked(module: Module, node: ast.AST) -> tuple[ast.expr | None, Wrapper | None]:
    """Return the expression of the name that a node looks up, and what makes the setting's name of it, if anything."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and module.is_mapping(node.value):
        return node.slice, None
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return (node.left if module.is_mapping(node.comparators[0]) else None), None
    if not isinstance(node, ast.Call):
        return None, None
    wrapper = module.wrappers.get(spelled(node.func))
    return (wrapper.argument(node), wrapper) if wrapper else (_asked_by(module, node), None)


def _asked_by(module: Module, call: ast.Call) -> ast.expr | None:
    """Return the argument by which a call of a known function names a setting."""
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
    """Return a name or a chain of attributes as it stands: ``self.get``; '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _names_written(module: Module, node: ast.AST) -> _Texts:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return module.texts_of(node.slice) if module.dotted(node.value) == "os.environ" else ()
    return ()


def _prefix(module: Module, node: ast.expr) -> str:
    """Return the prefix that ``with env.prefixed("PREFIX_")`` puts before each name in its block."""
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Call) and isinstance(func, ast.Attribute) and func.attr == "prefixed":
        return "".join(module.texts_of(node.args[0])[:1]) if node.args and module.is_reader(func.value) else ""
    return ""


# 2. classes of settings


def classes_of(module: Module) -> Iterator[SettingsClass]:
    """Yield the classes of a file with what they say of settings."""
    for node in module.nodes:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = tuple(module.dotted(base) or _last_name(base) for base in node.bases)
        made = SettingsClass(node.name, bases, _options(node.keywords))
        for part in node.body:
            if isinstance(part, ast.ClassDef) and part.name == "Config":
                made.config.update(_assigned(part.body))
            elif isinstance(part, ast.Assign) and "model_config" in map(_last_name, part.targets):
                made.config.update(_config(part.value))
            elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                made.fields.extend(_field(module, part, part.target.id))
        yield made


def fields_of(made: SettingsClass, known: Mapping[str, SettingsClass]) -> Iterator[Read]:
    """Yield what a class reads, unless it is none of settings; ``known`` are the classes of the project by name."""
    lineage = _lineage(made, known)
    if not any(base in BASES for one in lineage for base in one.bases):
        return
    config: dict[str, object] = {}
    for one in reversed(lineage):
        config.update(one.config)
    any_case, prefix = not config.get("case_sensitive"), str(config.get("env_prefix") or "")
    for names, is_alias, line in made.fields:
        whole = names if is_alias else tuple(prefix + name for name in names)
        yield Read(tuple(name.upper() for name in whole) if any_case else whole, line, any_case)


def _lineage(made: SettingsClass, known: Mapping[str, SettingsClass]) -> list[SettingsClass]:
    found, seen = [made], {made.name}
    for one in found:  # it grows while it is walked
        for base in one.bases:
            name = base.rpartition(".")[2]
            if name in known and name not in seen and base not in BASES:
                seen.add(name)
                found.append(known[name])
    return found


def _field(module: Module, part: ast.AnnAssign, name: str) -> Iterator[tuple[_Texts, bool, int]]:
    """Yield the names that set a field: those of its aliases, else its own."""
    annotation = [_last_name(node) for node in ast.walk(part.annotation)]
    if name.startswith("_") or name == "model_config" or "ClassVar" in annotation:
        return
    places = [part.annotation, *([part.value] if part.value else [])]
    calls = [node for place in places for node in ast.walk(place) if isinstance(node, ast.Call)]
    words = {word.arg: word.value for call in calls if _last_name(call.func) == "Field" for word in call.keywords}
    for key in ("validation_alias", "alias", "env"):
        value = words.get(key)
        if isinstance(value, ast.Call):  # AliasChoices("A", "B")
            value = ast.Tuple(elts=list(value.args), ctx=ast.Load())
        aliases = module.texts_of(value)
        if aliases:
            yield aliases, True, part.lineno
            return
    yield (name,), False, part.lineno


def _config(value: ast.expr) -> dict[str, object]:
    if isinstance(value, ast.Call):
        return _options(value.keywords)
    pairs = zip(value.keys, value.values) if isinstance(value, ast.Dict) else ()
    return {
        str(key.value): item.value
        for key, item in pairs
        if isinstance(key, ast.Constant) and isinstance(item, ast.Constant)
    }


def _options(keywords: Iterable[ast.keyword]) -> dict[str, object]:
    return {word.arg: word.value.value for word in keywords if word.arg and isinstance(word.value, ast.Constant)}


def _assigned(body: Iterable[ast.stmt]) -> dict[str, object]:
    return {
        _last_name(target): part.value.value
        for part in body
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)
        for target in part.targets
    }


def _last_name(node: ast.AST) -> str:
    """Return a name, or the last part of a dotted one."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
