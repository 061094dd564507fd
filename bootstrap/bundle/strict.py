"""Strict JSON: what is not expected is refused, and the refusal names the path of it.

Unknown or duplicate keys, NaN, floats where integers belong, and anything over its bound
raise TrustError, for example ``MANIFEST.json: files[3].sha256: not 64 hex digits``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime, timezone
from typing import Any, Callable, TypeVar

from bootstrap.errors import TrustError
from bootstrap.i18n import _

T = TypeVar("T")
TEXT_LIMIT = 4096
INTEGER_LIMIT = 2**53
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def refuse(path: str, reason: str) -> TrustError:
    """Return the error for a part of a document that breaks its rules."""
    # the path may quote a key of a hostile document, which must not steer the operator's terminal
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in path)
    return TrustError(
        f"{shown}: {reason}.",
        advice=_("The document is not one that this version writes; bring it again from where it was made."),
    )


def loads(data: bytes, name: str, *, limit: int) -> Any:
    """Parse JSON of at most ``limit`` bytes; duplicate keys and NaN are refused."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            raise refuse(name, _("a key stands twice"))
        return result

    def constant(text: str) -> Any:
        raise refuse(name, _("{text} is not a number").format(text=text))

    if len(data) > limit:
        raise refuse(name, _("larger than {limit} bytes").format(limit=limit))
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise refuse(name, _("not JSON: {reason}").format(reason=str(error)[:200])) from error


def dumps(value: Any) -> bytes:
    """Write JSON the one way that we sign: sorted keys, two spaces, UTF-8, a newline at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def time_from_json(value: Any, path: str) -> datetime:
    """Read a moment written ``2026-01-31T12:00:00Z`` (RFC 3339, UTC, whole seconds, from 1970 on)."""
    text = Fields.check_text(value, path)
    try:
        moment = datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc) if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    # newer Pythons read 24:00:00 as the next day's midnight
    if moment is None or time_to_json(moment) != text:
        raise refuse(path, _("not a time of the form 2026-01-31T12:00:00Z"))
    return moment


def time_to_json(moment: datetime) -> str:
    """Write a moment of UTC the one way that ``time_from_json`` reads."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Fields:
    """The keys of one JSON object, each taken once; ``done`` refuses what is left."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise refuse(path, _("not an object"))
        self.left = dict(value)
        self.path = path

    def _take(self, key: str) -> Any:
        if key not in self.left:
            raise refuse(f"{self.path}.{key}", _("missing"))
        return self.left.pop(key)

    def done(self) -> None:
        for key in self.left:
            raise refuse(f"{self.path}.{key[:80]}", _("unknown key"))

    def text(self, key: str, *, limit: int = TEXT_LIMIT, empty: bool = False) -> str:
        return self.check_text(self._take(key), f"{self.path}.{key}", limit=limit, empty=empty)

    @staticmethod
    def check_text(value: Any, path: str, *, limit: int = TEXT_LIMIT, empty: bool = False) -> str:
        if not isinstance(value, str):
            raise refuse(path, _("not a text"))
        if not value and not empty:
            raise refuse(path, _("empty"))
        if len(value) > limit:
            raise refuse(path, _("longer than {limit} characters").format(limit=limit))
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            raise refuse(path, _("holds a control character"))
        return value

    def optional_text(self, key: str, *, limit: int = TEXT_LIMIT) -> str | None:
        value = self._take(key)
        return None if value is None else self.check_text(value, f"{self.path}.{key}", limit=limit)

    def sha256(self, key: str) -> str:
        value = self.text(key)
        if not _HEX64.fullmatch(value):
            raise refuse(f"{self.path}.{key}", _("not 64 hex digits"))
        return value

    def integer(self, key: str, *, least: int = 0, most: int = INTEGER_LIMIT) -> int:
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise refuse(f"{self.path}.{key}", _("not a whole number"))
        if not least <= value <= most:
            raise refuse(f"{self.path}.{key}", _("not between {least} and {most}").format(least=least, most=most))
        return value

    def number(self, key: str) -> float:
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > INTEGER_LIMIT:
            raise refuse(f"{self.path}.{key}", _("not a number"))
        return float(value)

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            raise refuse(f"{self.path}.{key}", _("not one of {choices}").format(choices=", ".join(choices)))
        return value

    def items(self, key: str, parse: Callable[[Any, str], T], *, most: int) -> tuple[T, ...]:
        """Take a list; ``parse`` gets each item with its path."""
        value = self._take(key)
        path = f"{self.path}.{key}"
        if not isinstance(value, list):
            raise refuse(path, _("not a list"))
        if len(value) > most:
            raise refuse(path, _("longer than {limit} items").format(limit=most))
        return tuple(parse(item, f"{path}[{index}]") for index, item in enumerate(value))

    def texts(self, key: str, *, most: int = 1000) -> tuple[str, ...]:
        return self.items(key, self.check_text, most=most)

    def mapping(self, key: str, *, most: int = 1000) -> dict[str, str]:
        """Take an object whose values are all texts, possibly empty."""
        value, path = self._take(key), f"{self.path}.{key}"
        if not isinstance(value, dict) or len(value) > most:
            raise refuse(path, _("not an object of at most {limit} keys").format(limit=most))
        return {
            self.check_text(name, path): self.check_text(text, f"{path}.{name[:80]}", empty=True)
            for name, text in value.items()
        }

    def nested(self, key: str, parse: Callable[[Any, str], T]) -> T:
        return parse(self._take(key), f"{self.path}.{key}")

    def optional(self, key: str, parse: Callable[[Any, str], T]) -> T | None:
        value = self._take(key)
        return None if value is None else parse(value, f"{self.path}.{key}")
