"""Reading TOML that people write: what is missing has a default, what is not expected is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import tomllib

from bundle.strict import Fields
from shared import troubles
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises UsageError that names it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError) from error
    return parse_toml(data, path)


def parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    """Read the bytes of a TOML file. Raises UsageError that names it."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise _unreadable(path, error) from error


def quoted(text: str) -> str:
    """Return a text as a basic string of TOML: JSON's form, but that TOML knows no halves of characters."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(
        _("{file} cannot be read: {reason}.").format(file=path, reason=error),
        advice=_("Fix the file; it must be TOML in UTF-8."),
    )


def fields_with(value: Any, path: str, defaults: dict[str, Any]) -> Fields:
    """Return the fields of a table whose missing keys have defaults."""
    return Fields({**defaults, **value} if isinstance(value, dict) else value, path)
