"""Strict JSON: unexpected content is refused, and the error names its path.

A document is described once, by the fields of frozen dataclasses: ``Value`` reads and writes them. Unknown or duplicate
keys, NaN, floats in place of integers, and values over their limit raise TrustError, for example
``MANIFEST.json.files[3].sha256: not 64 hex digits``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import fields
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from shared.errors import TrustError
from shared.i18n import _, composed

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

T = TypeVar("T")
Reader = Callable[..., Any]
TEXT_LIMIT = 4096
INTEGER_LIMIT = 2**53
NESTING_LIMIT = 100
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"(19[7-9][0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def refuse(path: str, reason: str) -> TrustError:
    """Return the error for a part of a document that breaks its rules."""
    # the path may quote a key of a hostile document, whose control characters must not reach the operator's terminal
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in path)
    return TrustError(
        composed("{path}: {reason}.", path=shown, reason=reason),
        advice=_("Transfer the document again from where it was created; this version expects another format."),
    )


# 1. the document


def parse(data: bytes | str, **hooks: Any) -> Any:
    """Parse untrusted JSON, such as that of applications, logs and reports. Raises ValueError if it is invalid.

    Values nested deeper than NESTING_LIMIT are refused, because all code that writes or compares a value recurses
    into it; the parser of Python 3.12 accepts deeper ones than that code can handle.
    """
    try:
        value = json.loads(data, **hooks)
    except RecursionError as error:
        raise ValueError(_("nested too deeply")) from error
    level = [value]
    for _depth in range(NESTING_LIMIT + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return value
        level = [part for item in containers for part in (item.values() if isinstance(item, dict) else item)]
    raise ValueError(_("nested too deeply"))


def loads(data: bytes, name: str, *, limit: int) -> Any:
    """Parse JSON of at most ``limit`` bytes; duplicate keys and NaN are refused."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            raise refuse(name, _("duplicate key"))
        return result

    def constant(text: str) -> Any:
        raise refuse(name, _("{text} is not a number").format(text=text))

    if len(data) > limit:
        raise refuse(name, _("larger than {limit} bytes").format(limit=limit))
    try:
        return parse(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except ValueError as error:
        raise refuse(name, _("not JSON: {reason}").format(reason=str(error)[:200])) from error


def dumps(value: Any) -> bytes:
    """Write JSON in the canonical form that is signed: sorted keys, two spaces, UTF-8, a final newline."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


# 2. the readers: each gets a value and its path, and returns the parsed value or refuses it


def text(value: Any, path: str, *, limit: int = TEXT_LIMIT, empty: bool = False) -> str:
    """Read one line of text without control characters."""
    if not isinstance(value, str):
        raise refuse(path, _("not a string"))
    if not value and not empty:
        raise refuse(path, _("empty"))
    if len(value) > limit:
        raise refuse(path, _("longer than {limit} characters").format(limit=limit))
    if not value.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise refuse(path, _("contains a control character"))
    return value


def matching(value: Any, path: str, *, pattern: re.Pattern[str], form: Callable[[], str]) -> str:
    """Read a string that ``pattern`` matches in full; ``form`` describes the pattern to the user."""
    if not pattern.fullmatch(text(value, path)):
        raise refuse(path, form())
    return str(value)


def choice(value: Any, path: str, *, choices: Collection[str]) -> str:
    """Read one of the strings in ``choices``."""
    if text(value, path) not in choices:
        raise refuse(path, _("not one of {choices}").format(choices=", ".join(choices)))
    return str(value)


def sha256(value: Any, path: str) -> str:
    """Read a digest: 64 lower-case hex digits."""
    if not _HEX64.fullmatch(text(value, path)):
        raise refuse(path, _("not 64 hex digits"))
    return str(value)


def integer(value: Any, path: str, *, least: int = 0, most: int = INTEGER_LIMIT) -> int:
    """Read an integer between two bounds, both included."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(path, _("not an integer"))
    if not least <= value <= most:
        raise refuse(path, _("not between {least} and {most}").format(least=least, most=most))
    return value


def number(value: Any, path: str, *, most: float = INTEGER_LIMIT) -> float:
    """Read a finite number whose absolute value is at most ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > most:
        raise refuse(path, _("not a number, or out of range"))
    return float(value)


def boolean(value: Any, path: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise refuse(path, _("not true or false"))
    return value


def time_from_json(value: Any, path: str) -> datetime:
    """Read a time of the form ``2026-01-31T12:00:00Z`` (RFC 3339, UTC, whole seconds, from 1970 on)."""
    written = text(value, path)
    try:
        moment = datetime.fromisoformat(written[:-1]).replace(tzinfo=timezone.utc) if _TIME.fullmatch(written) else None
    except ValueError:
        moment = None
    # newer versions of Python read 24:00:00 as midnight of the next day
    if moment is None or time_to_json(moment) != written:
        raise refuse(path, _("not a time of the form 2026-01-31T12:00:00Z"))
    return moment


def time_to_json(moment: datetime) -> str:
    """Write a time in UTC, in the only form that ``time_from_json`` reads."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def optional(value: Any, path: str, *, of: Callable[[Any, str], T]) -> T | None:
    """Read null, or a value that the reader ``of`` accepts."""
    return None if value is None else of(value, path)


def items(value: Any, path: str, *, of: Callable[[Any, str], T], most: int) -> tuple[T, ...]:
    """Read a list of at most ``most`` items; ``of`` reads each item."""
    if not isinstance(value, list):
        raise refuse(path, _("not a list"))
    if len(value) > most:
        raise refuse(path, _("more than {limit} items").format(limit=most))
    return tuple(of(item, f"{path}[{index}]") for index, item in enumerate(value))


def texts(value: Any, path: str, *, most: int = 1000) -> tuple[str, ...]:
    """Read a list of strings."""
    return items(value, path, of=text, most=most)


def mapping(value: Any, path: str, *, most: int = 1000) -> dict[str, str]:
    """Read an object whose values are all strings, possibly empty."""
    if not isinstance(value, dict) or len(value) > most:
        raise refuse(path, _("not an object with at most {limit} keys").format(limit=most))
    return {text(name, path): text(item, f"{path}.{name[:80]}", empty=True) for name, item in value.items()}


# 3. values with named fields


def by(
    read: Reader, *, key: str | None = None, write: Reader | None = None, added: bool = False, **bounds: Any
) -> dict[str, Any]:
    """Return the metadata of a Value's field: its reader, with the reader's bounds.

    ``key`` is the field's name in the document if that differs, ``write`` its writer if ``written`` does not suffice.
    A field ``added`` after documents had been signed is written only if it is not empty, so that their bytes stay the
    same.
    """
    return {"read": partial(read, **bounds), "key": key, "write": write or written, "added": added}


class Value:
    """The base class of frozen dataclasses, each of whose fields declares its reader with ``by``."""

    @classmethod
    def from_json(cls, value: Any, path: str) -> Self:
        """Read an object with a key for each field and no other; keys that were added later may be missing."""
        taken, left = {}, Fields(value, path)
        for field in fields(cls):  # type: ignore[arg-type] # subclasses are dataclasses
            key = field.metadata["key"] or field.name
            if key in left.left or not field.metadata["added"]:
                taken[field.name] = left.nested(key, field.metadata["read"])
        left.done()
        result = cls(**taken)
        result.check(path)
        return result

    def check(self, path: str) -> None:
        """Refuse fields that are invalid in combination; ``path`` is that of the object in the document."""

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``from_json`` reads."""
        return {
            field.metadata["key"] or field.name: field.metadata["write"](getattr(self, field.name))
            for field in fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) or not field.metadata["added"]
        }


class Document(Value):
    """A Value that is a whole file: it contains the number of its format, and has one canonical form.

    The oldest number that is read is ``FORMAT``, the newest is ``LATEST``.
    """

    FORMAT = LATEST = 1

    def written_format(self) -> int:
        """Return the oldest format that can hold this document."""
        return self.FORMAT

    @classmethod
    def from_bytes(cls, data: bytes, name: str, *, limit: int) -> Self:
        """Parse a document of at most ``limit`` bytes. Raises TrustError with the path of the refused value."""
        keys = Fields(loads(data, name, limit=limit), name)
        keys.nested("format", integer, least=cls.FORMAT, most=cls.LATEST)
        document = cls.from_json(keys.left, name)
        if document.to_bytes() != data:
            raise refuse(name, _("not in the canonical form that is signed"))
        return document

    def to_bytes(self) -> bytes:
        """Return the canonical form of this document."""
        return dumps({"format": self.written_format(), **self.to_json()})


def written(value: Any) -> Any:
    """Return a value as JSON values: tuples become lists, Values become objects, times become strings."""
    if isinstance(value, Value):
        return value.to_json()
    if isinstance(value, tuple):
        return [written(item) for item in value]
    if isinstance(value, dict):
        return {name: written(item) for name, item in value.items()}
    return time_to_json(value) if isinstance(value, datetime) else value


class Fields:
    """The keys of one JSON object, each read once; ``done`` refuses any others."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise refuse(path, _("not an object"))
        self.left = dict(value)
        self.path = path

    def nested(self, key: str, read: Callable[..., T], **bounds: Any) -> T:
        """Remove a key and return its value, as parsed by its reader."""
        if key not in self.left:
            raise refuse(f"{self.path}.{key}", _("missing"))
        return read(self.left.pop(key), f"{self.path}.{key}", **bounds)

    def done(self) -> None:
        for key in self.left:
            raise refuse(f"{self.path}.{key[:80]}", _("unknown key"))

    def text(self, key: str, *, limit: int = TEXT_LIMIT, empty: bool = False) -> str:
        return self.nested(key, text, limit=limit, empty=empty)

    def optional_text(self, key: str, *, limit: int = TEXT_LIMIT) -> str | None:
        return self.nested(key, optional, of=partial(text, limit=limit))

    def integer(self, key: str, *, least: int = 0, most: int = INTEGER_LIMIT) -> int:
        return self.nested(key, integer, least=least, most=most)

    def items(self, key: str, parse: Callable[[Any, str], T], *, most: int) -> tuple[T, ...]:
        return self.nested(key, items, of=parse, most=most)

    def optional(self, key: str, parse: Callable[[Any, str], T]) -> T | None:
        return self.nested(key, optional, of=parse)
