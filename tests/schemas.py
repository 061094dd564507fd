"""Holding what a command printed against the schema that is published for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"
SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.schema.json"))}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def problems(name: str, value: Any) -> list[str]:
    """Return what a value lacks to be what a schema says, each with its place."""
    validator = Draft202012Validator(SCHEMAS[f"{name}.schema.json"], registry=REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def validated(name: str, text: str) -> Any:
    """Return what a command printed, which must be one JSON document that its schema describes."""
    value = json.loads(text)
    assert problems(name, value) == []
    return value
