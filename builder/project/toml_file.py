"""Read hand-written TOML: missing keys have defaults, unexpected keys are rejected."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import tomllib

from bundle.strict import Fields
from shared import troubles
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file. Raises UsageError, with its path, if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise troubles.trouble(error, troubles.READING, path=path, kind=UsageError) from error
    return parse_toml(data, path)


def parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    """Parse the bytes of a TOML file. Raises UsageError, with its path, if it is not valid TOML in UTF-8."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise _unreadable(path, error) from error


def quoted(text: str) -> str:
    """Return a string as a TOML basic string: a JSON string without surrogate escapes, and with DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(
        _("{file} cannot be read: {reason}.").format(file=path, reason=error),
        advice=_("Fix the file; it must be TOML in UTF-8."),
    )


def fields_with(value: Any, path: str, defaults: dict[str, Any]) -> Fields:
    """Return the fields of a table, with defaults for missing keys."""
    return Fields({**defaults, **value} if isinstance(value, dict) else value, path)


@contextmanager
def as_usage(path: Path) -> Iterator[None]:
    """Convert a TrustError about a document to a UsageError that advises to fix the file."""
    try:
        yield
    except TrustError as error:
        what = error.what.replace(f"{path.name}.", f"{path.name}: ", 1)
        raise UsageError(what, advice=_("Fix {file}.").format(file=path)) from error
