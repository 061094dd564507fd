"""The names of a module that can be imported at first use, and the code that imports them then.

A name is refused if its value might be needed or changed before that: if it is used
outside functions or bound a second time. Annotations of plain functions become strings, as in PEP 563;
evaluating such a string (typing.get_type_hints) imports the names in it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LAZY = "__lazy__"
# decorators that do not read the annotations of the decorated function
HARMLESS = {"staticmethod", "classmethod", "property", "abstractmethod", "abc.abstractmethod"}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds in its scope."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif not isinstance(node, ast.alias):  # functions, classes, except handlers, patterns, type parameters
        yield from (
            name for name in (getattr(node, "name", None), getattr(node, "rest", None)) if isinstance(name, str)
        )


def bound_in(function: ast.AST) -> set[str]:
    """Return the names that are local to a function; comprehensions and classes in it are separate scopes."""
    arguments: ast.arguments = function.args  # type: ignore[attr-defined]
    every = [*getattr(arguments, "posonlyargs", []), *arguments.args, *arguments.kwonlyargs]
    found = {item.arg for item in (*every, arguments.vararg, arguments.kwarg) if item}
    waiting = list(function.body) if isinstance(function.body, list) else []  # type: ignore[attr-defined]
    while waiting:
        node = waiting.pop()
        found.update(bound_by(node))
        if not isinstance(node, (*SCOPES, *COMPREHENSIONS)):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def asking(node: ast.Name) -> ast.AST:
    """Return the call that replaces a lazy name."""
    call = ast.Call(func=ast.Name(id=LAZY, ctx=ast.Load()), args=[ast.Constant(value=node.id)], keywords=[])
    return ast.fix_missing_locations(ast.copy_location(call, node))


class Annotation(ast.NodeTransformer):
    """Replaces lazy names in an annotation, and in those of its strings that are annotations themselves."""

    def __init__(self, names: set[str]) -> None:
        self.names, self.found = names, False

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            return node
        self.found = True
        return asking(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        inner = Annotation(self.names)
        try:
            made = inner.visit(ast.parse(node.value, mode="eval").body) if isinstance(node.value, str) else node
        except (SyntaxError, ValueError):
            return node
        self.found |= inner.found
        return ast.copy_location(made, node) if inner.found else node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        node.value = self.visit(node.value)
        if ast.unparse(node.value).rpartition(".")[2] != "Literal":  # its strings are values, not annotations
            node.slice = self.visit(node.slice)
        return node


class Rewriter(ast.NodeTransformer):
    """Replaces the uses of lazy names in functions; ``refused`` lists the names that cannot be lazy.

    ``are_texts`` is true if the module's annotations are strings anyway (PEP 563).
    """

    def __init__(self, names: set[str], *, are_texts: bool = False) -> None:
        self.names, self.are_texts = names, are_texts
        self.refused: set[str] = set()
        self.functions: list[set[str]] = []  # the local names of the enclosing functions
        self.in_scope_of_its_own = False  # a class or a comprehension, whose names are not tracked

    def visit(self, node: ast.AST) -> Any:
        direct = self.functions and not self.in_scope_of_its_own
        for name in bound_by(node):
            if name in self.names and (not direct or isinstance(node, (ast.Global, ast.Nonlocal))):
                self.refused.add(name)
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id not in self.names or any(node.id in local for local in self.functions):
            return node
        if not self.functions or not isinstance(node.ctx, ast.Load):
            self.refused.add(node.id)
            return node
        return asking(node)

    def visit_FunctionDef(self, node: Any) -> Any:
        self.annotations(node)
        self.refuse_in(getattr(node, "type_params", []))
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        self.defaults(node.args)
        node.body = self.within(node, node.body)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name is that of ast

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        self.refuse(set(bound_in(node)))
        self.defaults(node.args)
        node.body = self.within(node, [node.body])[0]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self.refuse_in(getattr(node, "type_params", []))
        for field in ("decorator_list", "bases", "keywords"):
            setattr(node, field, [self.visit(item) for item in getattr(node, field)])
        node.body = self.apart(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if not self.functions or self.in_scope_of_its_own:  # stored, and read by dataclasses and similar code
            self.refuse_in([node.annotation])
        node.target = self.visit(node.target)
        node.value = self.visit(node.value) if node.value else None
        return node

    def visit_comprehensions(self, node: ast.AST) -> Any:
        before, self.in_scope_of_its_own = self.in_scope_of_its_own, True
        self.generic_visit(node)
        self.in_scope_of_its_own = before
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehensions  # noqa: N815

    def visit_MatchClass(self, node: Any) -> Any:
        self.refuse_in([node.cls])  # only names are valid in a pattern
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if not self.functions:  # Optional["Name"]: others evaluate it, and only in the module's namespace
            texts = {str(item.value) for item in ast.walk(node.slice) if isinstance(item, ast.Constant)}
            self.refuse(texts)
        return self.generic_visit(node)

    def visit_TypeAlias(self, node: Any) -> Any:
        self.refuse_in([node])
        return node

    def annotations(self, function: Any) -> None:
        """Convert annotations with lazy names to strings if they are not read during import."""
        unread = all(ast.unparse(item) in HARMLESS for item in function.decorator_list)
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for owner, field in (*((item, "annotation") for item in every if item), (function, "returns")):
            annotation = getattr(owner, field)
            if annotation is None or not self.mentioned([annotation]):
                continue
            if self.functions and not self.are_texts:  # evaluated when the enclosing function runs
                setattr(owner, field, self.visit(annotation))
            elif not unread:
                self.refuse_in([annotation])
            else:
                setattr(owner, field, self.asked_later(annotation))

    def asked_later(self, annotation: Any) -> Any:
        """Return an annotation that imports its names when it is evaluated."""
        visitor = Annotation(self.names.difference(*self.functions))
        made = visitor.visit(annotation)
        if self.are_texts or not visitor.found:
            return made
        return ast.copy_location(ast.Constant(value=ast.unparse(made)), annotation)

    def defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(item) for item in arguments.defaults]
        arguments.kw_defaults = [self.visit(item) if item else None for item in arguments.kw_defaults]

    def within(self, function: ast.AST, body: list[Any]) -> list[Any]:
        """Visit the body of a function."""
        before, self.in_scope_of_its_own = self.in_scope_of_its_own, False
        self.functions.append(bound_in(function))
        visited = [self.visit(item) for item in body]
        self.functions.pop()
        self.in_scope_of_its_own = before
        return visited

    def apart(self, body: list[Any]) -> list[Any]:
        """Visit the body of a class."""
        before, self.in_scope_of_its_own = self.in_scope_of_its_own, True
        visited = [self.visit(item) for item in body]
        self.in_scope_of_its_own = before
        return visited

    def refuse(self, names: set[str]) -> None:
        self.refused |= names & self.names

    def refuse_in(self, nodes: list[Any]) -> None:
        self.refuse(self.mentioned(nodes))

    def mentioned(self, nodes: list[Any]) -> set[str]:
        """Return the lazy names in some nodes, including those in strings, which may be annotations."""
        found: set[str] = set()
        for node in (inner for outer in nodes for inner in ast.walk(outer)):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(name for name in self.names if name in node.value)
        return found & self.names
