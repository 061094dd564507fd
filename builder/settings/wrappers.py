"""Find functions of a project that read the setting given by an argument, without running any code.

With ``def setting(name): return os.environ.get("APP_" + name)``, the call ``setting("LEVEL")`` reads APP_LEVEL, in the
same file and wherever it is imported. A parameter is tracked if it reaches the lookup unchanged, uppercased or with
constant text around it, including through other functions; methods are tracked if called on their class or on a
name bound to an instance.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from builder.settings.code import asked, bindings, spelled
from builder.settings.names import Wrapper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from builder.settings.code import Module

ROUNDS = 5  # maximum depth of nested wrappers, within a file and across files
NOWHERE = 1 << 16  # the position of a keyword-only argument
LOOKUPS = ("os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def link(modules: Mapping[str, Module]) -> None:
    """Add to each module the wrappers that it can call, by the names that it uses for them."""
    for module in modules.values():
        module.wrappers.update(_renamed(module))
    waiting = list(modules.values())
    for _round in range(ROUNDS):
        for module in waiting:
            for _again in range(ROUNDS):  # nested wrappers within the module
                if not _learns(module, dict(_defined(module))):
                    break
        exported: dict[str, dict[str, Wrapper]] = {}
        for path, module in modules.items():
            exported.setdefault(_tail(path), {}).update(module.wrappers)
        waiting = [module for module in modules.values() if _learns(module, dict(_imported(module, exported)))]
        if not waiting:
            return


def _learns(module: Module, theirs: dict[str, Wrapper]) -> bool:
    """Add wrappers to a module and return whether any of them is new or changed."""
    is_new = any(module.wrappers.get(name) != wrapper for name, wrapper in theirs.items())
    module.wrappers.update(theirs)
    return is_new


def _tail(path: str) -> str:
    """Return the last part of a module's dotted name, given its path."""
    parts = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
    return parts[-1]


def _renamed(module: Module) -> Iterator[tuple[str, Wrapper]]:
    """Yield aliases of Python's own lookup functions, for example ``env = os.environ.get``."""
    for target, value, is_loop in bindings(module.nodes):
        if not is_loop and module.dotted(value) in LOOKUPS:
            yield target, Wrapper(keyword="key")


def _defined(module: Module) -> Iterator[tuple[str, Wrapper]]:
    """Yield the wrappers among a module's functions and methods, by the names used within the module."""
    methods = {id(part): one for one in module.nodes if isinstance(one, ast.ClassDef) for part in one.body}
    times = Counter(part.name for one in module.nodes if isinstance(one, _Function) for part in [one])
    for function in module.nodes:
        if not isinstance(function, _Function):
            continue
        owner = methods.get(id(function))
        wrapper = _wrapper_of(module, function, is_method=owner is not None)
        if wrapper and owner is None:
            yield function.name, wrapper
        elif wrapper and owner is not None:
            names = [owner.name, *_objects(module, owner.name), *(["self", "cls"] if times[function.name] == 1 else [])]
            yield from ((name if function.name == "__call__" else f"{name}.{function.name}", wrapper) for name in names)


def _objects(module: Module, kind: str) -> Iterator[str]:
    """Yield the names that are bound to an instance of a class."""
    for target, value, is_loop in bindings(module.nodes):
        if not is_loop and isinstance(value, ast.Call) and spelled(value.func) == kind:
            yield target


def _wrapper_of(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, *, is_method: bool) -> Wrapper | None:
    """Return a function as a wrapper, or None if it does not read a setting that a parameter names."""
    every = [*function.args.posonlyargs, *function.args.args]
    is_bound = is_method and "staticmethod" not in map(spelled, function.decorator_list)
    places = {item.arg: place for place, item in enumerate(every[1:] if is_bound else every)}
    places.update({item.arg: NOWHERE for item in function.args.kwonlyargs})
    nodes = [node for part in function.body for node in ast.walk(part)] if places else []
    for node in nodes:  # a rebound parameter no longer holds the argument
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            places.pop(node.id, None)
    own = {f"{owner}{function.name}" for owner in ("", "self.", "cls.")}
    found: dict[str, set[tuple[tuple[str, str, bool], ...]]] = {}
    for node in nodes if places else ():
        is_itself = isinstance(node, ast.Call) and spelled(node.func) in own
        expression, inner = (None, None) if is_itself else asked(module, node)
        form = _form(expression) if expression is not None else None
        if form and form[0] in places:
            chains = (inner or Wrapper()).chains
            found.setdefault(form[0], set()).update((form[1:], *chain) for chain in chains if len(chain) < ROUNDS)
    name = next(iter(found), "")  # the first parameter that is looked up
    return Wrapper(places[name], name, frozenset(found[name])) if name else None


def _form(node: ast.expr) -> tuple[str, str, str, bool] | None:
    """Return the variable in an expression for a name, its prefix and suffix, and whether it is uppercased.

    Returns None if the expression has another form.
    """
    parts: list[ast.expr] = [node]
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [node.left, node.right]
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    if texts.count(None) != 1 or not all(isinstance(text, (str, type(None))) for text in texts):
        return None
    at = texts.index(None)
    part, is_upper = parts[at], False
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "upper":
        part, is_upper = part.func.value, True
    before, after = ("".join(map(str, some)) for some in (texts[:at], texts[at + 1 :]))
    return (part.id, before, after, is_upper) if isinstance(part, ast.Name) else None


def _imported(module: Module, exported: Mapping[str, Mapping[str, Wrapper]]) -> Iterator[tuple[str, Wrapper]]:
    """Yield (local name, wrapper) for each wrapper that a module imports from another."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _below(exported.get(alias.name.rpartition(".")[2], {}), "", alias.asname or alias.name)
        elif isinstance(node, ast.ImportFrom):
            theirs = exported.get((node.module or "").rpartition(".")[2], {})
            for alias in node.names:
                name = alias.asname or alias.name
                yield from _below(theirs, alias.name, name)
                yield from _below(exported.get(alias.name, {}), "", name)


def _below(theirs: Mapping[str, Wrapper], name: str, here: str) -> Iterator[tuple[str, Wrapper]]:
    """Yield the wrappers of a name and its attributes under the local name ``here``; '' means a whole module."""
    for known, wrapper in theirs.items():
        if known == name:
            yield here, wrapper
        elif not known.startswith(("self.", "cls.")) and (not name or known.startswith(f"{name}.")):
            yield f"{here}.{known[len(name) + 1 :] if name else known}", wrapper
