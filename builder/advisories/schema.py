"""What the OSV schema (1.7) requires of a record, as far as scans read it.

A record that breaks it is set aside, not repaired: what it says of its packages is not known.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from bundle.advisories.raw.lines import ID_LIMIT
from shared.i18n import _
from shared.terminal.console import printable

if TYPE_CHECKING:
    from collections.abc import Callable

ECOSYSTEM = "PyPI"
_ID = re.compile(rf"[!-~]{{1,{ID_LIMIT}}}")
_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]{0,198}[A-Z0-9]", re.IGNORECASE | re.ASCII)  # PEP 508


class BrokenRecordError(Exception):
    """A record breaks the schema; the message is the reason, with the path of the value."""


def check(record: dict[str, Any]) -> None:
    """Check a live record. Raises BrokenRecordError for the first value that breaks the schema."""
    moment(record.get("modified"), "modified")
    for key in ("aliases", "related", "upstream"):
        _every_or_null(record, key, key, _text)
    _every_or_null(record, "severity", "severity", _anything)
    for key in ("summary", "details"):
        if record.get(key) is not None and not isinstance(record[key], str):
            raise BrokenRecordError(_("{path} is not a string").format(path=key))
    if not record.get("affected"):
        raise BrokenRecordError(_("{path} is missing or empty").format(path="affected"))
    _every(record["affected"], "affected", _block)


def identifier(record: Any) -> str:
    """Return a record's id. Raises BrokenRecordError if there is none that can be written as it is."""
    if not isinstance(record, dict):
        raise BrokenRecordError(_("not an object"))
    found = record.get("id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise BrokenRecordError(_("{path} is not an identifier").format(path="id"))
    return found


def is_withdrawn(record: dict[str, Any], now: datetime) -> bool:
    """Return whether a record's source has withdrawn it by now. Raises BrokenRecordError if the time is not one."""
    return record.get("withdrawn") is not None and moment(record["withdrawn"], "withdrawn") <= now


def moment(value: Any, path: str) -> datetime:
    """Read a time (RFC 3339). Raises BrokenRecordError."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BrokenRecordError(_("{path} is not a time").format(path=path)) from error
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def is_of_pypi(ecosystem: str) -> bool:
    """Return whether an ecosystem is PyPI, which may have a suffix after a colon."""
    return ecosystem.partition(":")[0] == ECOSYSTEM


def is_of_repository(block: Any) -> bool:
    """Return whether an affected block is about commits of a repository: only such a one needs no package."""
    ranges = block.get("ranges") if isinstance(block, dict) and "package" not in block else None
    return (
        isinstance(ranges, list)
        and bool(ranges)
        and all(
            isinstance(one, dict) and one.get("type") == "GIT" and isinstance(one.get("repo"), str) for one in ranges
        )
    )


def packages_of(record: Any) -> tuple[str, ...]:
    """Return the packages on PyPI that a broken record names, or none if one of its names cannot be read."""
    blocks = record.get("affected") if isinstance(record, dict) else None
    if not isinstance(blocks, list):
        return ()
    found = set()
    for block in blocks:
        if is_of_repository(block):
            continue
        try:
            _package(block, "affected")
        except BrokenRecordError:
            return ()
        if is_of_pypi(block["package"]["ecosystem"]):
            found.add(canonicalize_name(block["package"]["name"]))
    return tuple(sorted(found))


def _block(value: Any, path: str) -> None:
    if not is_of_repository(value):
        _package(value, path)
    _every_or_null(value, "severity", f"{path}.severity", _anything)
    _every(value.get("versions", []), f"{path}.versions", _text)
    _every(value.get("ranges", []), f"{path}.ranges", _range)


def _package(value: Any, path: str) -> None:
    package = value.get("package") if isinstance(value, dict) else None
    if not isinstance(package, dict):
        raise BrokenRecordError(_("{path} is not an object").format(path=f"{path}.package"))
    ecosystem = _text(package.get("ecosystem"), f"{path}.package.ecosystem")
    name = _text(package.get("name"), f"{path}.package.name")
    kind = ecosystem.partition(":")[0]
    if kind != ECOSYSTEM and kind.strip().casefold() == ECOSYSTEM.casefold():
        raise BrokenRecordError(_("{path} is not an ecosystem").format(path=f"{path}.package.ecosystem"))
    if kind == ECOSYSTEM and not _NAME.fullmatch(name):
        raise BrokenRecordError(_("{path} is not the name of a package").format(path=f"{path}.package.name"))


def _range(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise BrokenRecordError(_("{path} is not an object").format(path=path))
    _text(value.get("type"), f"{path}.type")
    _every(value.get("events"), f"{path}.events", _event)


def _event(value: Any, path: str) -> None:
    if not isinstance(value, dict) or len(value) != 1:
        raise BrokenRecordError(_("{path} is not an object with one key").format(path=path))
    ((kind, bound),) = value.items()
    _text(bound, f"{path}.{printable(kind)[:80]}")


def _anything(_value: Any, _path: str) -> None:
    """Accept what only rates a vulnerability: a rating that cannot be read is no rating."""


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise BrokenRecordError(_("{path} is not a string").format(path=path))
    return value


def _every(value: Any, path: str, check_item: Callable[[Any, str], object]) -> None:
    if not isinstance(value, list):
        raise BrokenRecordError(_("{path} is not a list").format(path=path))
    for number, item in enumerate(value):
        check_item(item, f"{path}[{number}]")


def _every_or_null(value: dict[str, Any], key: str, path: str, check_item: Callable[[Any, str], object]) -> None:
    """Check a list that may be missing or, by the schema, null."""
    if value.get(key) is not None:
        _every(value[key], path, check_item)
