"""Building blocks of JSON Schema for the output formats, and schemas derived from ``strict.Value`` classes."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from bundle import manifest, strict
from bundle.strict import INTEGER_LIMIT, TEXT_LIMIT
from bundle.target import ARCHITECTURES, PYTHONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
ANY_TEXT = {"type": "string"}
TEXT = {"type": "string", "maxLength": TEXT_LIMIT}
FULL_TEXT = {**TEXT, "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
SECONDS = {"type": "number", "minimum": 0}
YES_NO = {"type": "boolean"}
SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HEAD = {"type": "string", "pattern": "^([0-9a-f]{64})?$"}
RUN = {"description": "as in the log of the run and its audit entry", "type": "string", "pattern": "^[0-9a-f]{16}$"}
TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\\+00:00)$"}
FINGERPRINT = {"type": "string", "pattern": "^SHA256:[A-Za-z0-9+/]{43}$"}
KEYID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
RELEASE = {"type": "string", "pattern": "^[0-9]+-[0-9a-f]{12}-r[0-9]+$"}
RESULT = {"$ref": "report.schema.json#/$defs/result"}


def closed(properties: Schema, required: Iterable[str] | None = None) -> Schema:
    """Return the schema of an object with only these keys; all are required unless ``required`` lists some."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def described(schema: Schema, text: str) -> Schema:
    return {"description": text, **schema}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def items(schema: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": schema, **bounds}


def mapping(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def value(kind: type[strict.Value]) -> Schema:
    """Return the schema of a ``strict.Value`` class, derived from the readers of its fields."""
    # all subclasses are dataclasses
    keys = {field.metadata["key"] or field.name: field.metadata for field in fields(kind)}  # type: ignore[arg-type]
    required = [name for name, metadata in keys.items() if not metadata["added"]]
    return closed({name: taken_by(metadata["read"]) for name, metadata in keys.items()}, required)


def taken_by(read: Callable[..., Any]) -> Schema:
    """Return the schema of the values that a reader of bundle.strict accepts."""
    function, bounds = (read.func, read.keywords) if isinstance(read, partial) else (read, {})
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, strict.Value):
        return value(owner)
    inner = taken_by(bounds["of"]) if "of" in bounds else {}
    # JSON Schema searches for a pattern; the readers match the whole string
    pattern = f"^(?:{bounds['pattern'].pattern})$" if "pattern" in bounds else None
    of: dict[Any, Callable[[], Schema]] = {
        strict.text: lambda: TEXT if bounds.get("empty") else FULL_TEXT,
        strict.matching: lambda: {**FULL_TEXT, "pattern": pattern},
        strict.choice: lambda: {"enum": list(bounds["choices"])},
        strict.sha256: lambda: SHA256,
        strict.integer: lambda: {
            "type": "integer",
            "minimum": bounds.get("least", 0),
            "maximum": bounds.get("most", INTEGER_LIMIT),
        },
        strict.number: lambda: NUMBER,
        strict.boolean: lambda: YES_NO,
        strict.optional: lambda: nullable(inner),
        strict.items: lambda: items(inner, maxItems=bounds["most"]),
        strict.texts: lambda: items(FULL_TEXT, maxItems=bounds.get("most", 1000)),
        strict.mapping: lambda: mapping(TEXT),
    }
    return of[function]()


TARGET = closed(
    {
        "platform": {"enum": list(ARCHITECTURES)},
        "architecture": {"enum": sorted({name for names in ARCHITECTURES.values() for name in names})},
        "python": {"enum": list(PYTHONS)},
        "glibc": nullable({"type": "string", "pattern": "^2\\.[0-9]{1,2}$"}),
    }
)
PRODUCT = value(manifest.Product)
BASE = closed({"version": TEXT, "counter": COUNT, "files": COUNT, "bytes": COUNT})
