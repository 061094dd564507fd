"""Settings classes of pydantic, and the variables that their fields are read from."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builder.settings.code import Read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from builder.settings.code import Module, Texts


BASES = tuple(f"{module}.BaseSettings" for module in ("pydantic_settings", "pydantic", "pydantic.v1"))


@dataclass
class SettingsClass:
    """A class definition, possibly of settings: its bases, its configuration and its fields.

    Each of ``fields`` is a tuple: names, whether they are names of variables (otherwise of attributes), and the line.
    """

    name: str
    bases: tuple[str, ...]
    config: dict[str, object]
    fields: list[tuple[Texts, bool, int]] = field(default_factory=list)


def classes_of(module: Module) -> Iterator[SettingsClass]:
    """Yield the classes of a file with their bases, configuration and fields."""
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
    """Yield the settings that a settings class reads; ``known`` maps names to the project's classes."""
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
    for one in found:  # the list grows during the iteration
        for base in one.bases:
            name = base.rpartition(".")[2]
            if name in known and name not in seen and base not in BASES:
                seen.add(name)
                found.append(known[name])
    return found


def _field(module: Module, part: ast.AnnAssign, name: str) -> Iterator[tuple[Texts, bool, int]]:
    """Yield the names that set a field (its aliases, or else its own name), whether they are aliases, and the line."""
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
    """Return a name, the last part of a dotted name, or '' for any other node."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
