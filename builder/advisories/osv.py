"""The conversion of an OSV record (OSV schema 1.7) to the advisories that the matcher uses.

The ranges of a record are stored exactly; a bound that is not a version is repaired only if it has a single
possible meaning; otherwise the record remains undecided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.advisories.schema import is_of_pypi, is_of_repository
from builder.advisories.signals.malware import is_malware
from builder.advisories.signals.score import highest
from bundle.advisories.index import Advisory
from bundle.advisories.matcher import CPYTHON
from bundle.advisories.severity import level_of
from bundle.advisories.versions import FIRST, Interval, public
from shared.i18n import _
from shared.terminal.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CPYTHON_REPOSITORIES = ("https://github.com/python/cpython", "https://github.com/python/cpython.git")
SUMMARY_LIMIT = 160  # characters
# CPE names (NIST IR 7695) escape punctuation and write "NA" for a release without an update
_ESCAPE = re.compile(r"\\(?=[^A-Za-z0-9])")
_NO_UPDATE = re.compile(r"-NA$", re.IGNORECASE)
_BUILD = re.compile(r"-((?:cu|rocm)[0-9.]+|cpu)$")  # builds of one version for different devices
# at the same version, a range is closed before it is opened again, and what is fixed there is at most possibly affected
_ORDER = {"fixed": 0, "last_affected": 1, "introduced": 2}


@dataclass(frozen=True)
class Event:
    """A bound that opens or closes a range; ``repaired`` is true if its version differs from the record's text.

    ``first`` is true for the bound before all versions, even before FIRST.
    """

    kind: str
    version: Version
    repaired: bool = False
    first: bool = False

    @property
    def place(self) -> tuple[bool, Version, int]:
        """Where the event is evaluated among those of its range."""
        return (not self.first, self.version, _ORDER[self.kind])


class UndecidedError(Exception):
    """A range cannot be interpreted with certainty; the message is the reason."""


def advisories_of(record: dict[str, Any]) -> dict[str, Advisory]:
    """Return a record's advisory for each affected package on PyPI, by package name.

    The record must follow the schema (``schema.check``).
    """
    blocks: dict[str, list[dict[str, Any]]] = {}
    for block in record.get("affected", ()):
        name = _name_of(block)
        if name is not None:
            blocks.setdefault(name, []).append(block)
    return {name: _advisory(record, found) for name, found in blocks.items()}


def _name_of(block: dict[str, Any]) -> str | None:
    """Return the name in the index of what a block is about, or None if it is of another ecosystem.

    Advisories for CPython (``PSF-…``) have no package but its repository; only the versions that they list can be
    compared, not commits.
    """
    if is_of_repository(block):
        is_cpython = any(one["repo"] in CPYTHON_REPOSITORIES for one in block["ranges"])
        return CPYTHON if is_cpython and block.get("versions") else None
    package = block["package"]
    return canonicalize_name(package["name"]) if is_of_pypi(package["ecosystem"]) else None


def _advisory(record: dict[str, Any], blocks: Sequence[dict[str, Any]]) -> Advisory:
    affected: list[Interval] = []
    possible: list[Interval] = []
    fixed: set[Version] = set()
    undecided = ""
    listed = [text for block in blocks for text in block.get("versions", ())]
    ranges = [one for block in blocks for one in versioned(block)]
    for one in ranges:
        try:
            events = read_events(one)
        except UndecidedError as reason:
            undecided = str(reason)
            continue
        fixed |= {event.version for event in events if event.kind == "fixed"}
        sure, unsure = intervals(events)
        affected += sure
        possible += unsure
    if not all(versioned(block) or block.get("versions") for block in blocks):
        undecided = _("no versions listed")
    score = highest(one for found in (record, *blocks) for one in found.get("severity") or ())
    malware = is_malware(record)
    return Advisory(
        id=_line(record["id"]),
        aliases=tuple(sorted({_line(alias) for alias in record.get("aliases") or ()})),
        severity="critical" if malware else level_of(score),
        score=score,
        fixed=tuple(str(version) for version in sorted(fixed)),
        summary=summary_of(record),
        affected=tuple(affected),
        possible=tuple(possible),
        versions=tuple(sorted({text for text in listed if not _covered(text, affected)})),
        undecided=undecided,
        malware=malware,
    )


def versioned(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the ranges of versions of an affected package, without those of commits."""
    return [one for one in block.get("ranges", ()) if one["type"] != "GIT"]


def read_events(one: dict[str, Any]) -> list[Event]:
    """Return the events of a range, sorted by version. Raises UndecidedError."""
    if one["type"] != "ECOSYSTEM":
        raise UndecidedError(_("range of type {kind}, not ECOSYSTEM").format(kind=one["type"]))
    events = []
    for found in one["events"]:
        ((kind, text),) = found.items()
        if kind not in _ORDER:
            raise UndecidedError(_("unsupported event {kind}").format(kind=kind))
        events.append(read_event(kind, text))
    if not any(event.kind == "introduced" for event in events):
        raise UndecidedError(_("range without an introduced version"))
    return sorted(events, key=lambda event: event.place)


def read_event(kind: str, text: str) -> Event:
    """Return one event, repaired if its meaning is certain. Raises UndecidedError."""
    if text == "0" and kind == "introduced":
        return Event(kind, FIRST, first=True)  # OSV: sorts before any other version
    plain = _NO_UPDATE.sub("", _ESCAPE.sub("", text))
    if kind == "last_affected":
        plain = _BUILD.sub(r"+\1", plain)
    try:
        version = Version(plain)
    except InvalidVersion as error:
        raise UndecidedError(_("range bound {text} is not a version").format(text=text)) from error
    if version.local and kind == "fixed":
        # it is unknown whether the public version has the fix
        raise UndecidedError(_("range bound {text} is a local version").format(text=text))
    return Event(kind, Version(version.public), plain != text)


def intervals(events: Iterable[Event]) -> tuple[list[Interval], list[Interval]]:
    """Return the affected intervals of sorted events, and the possibly affected ones between two ends in a row."""
    affected: list[Interval] = []
    possible: list[Interval] = []
    opened: Version | None = None
    closed: Event | None = None
    for event in events:
        if event.kind == "introduced":
            opened = event.version if opened is None else opened
            continue
        inclusive = event.kind == "last_affected"
        if opened is not None:
            affected.append(Interval(opened, True, event.version, inclusive))
        elif closed is not None:
            possible.append(Interval(closed.version, closed.kind == "fixed", event.version, inclusive))
        opened, closed = None, event
    if opened is not None:
        affected.append(Interval(opened, True, None, False))
    return affected, [one for one in possible if one.low != one.high or (one.low_closed and one.high_closed)]


def _covered(text: str, affected: Iterable[Interval]) -> bool:
    version = public(text)
    return version is not None and any(interval.holds(version) for interval in affected)


def _line(text: str) -> str:
    """Return a string without characters that a terminal could misinterpret or a strict reader refuses."""
    return printable(text).strip()


def summary_of(record: dict[str, Any]) -> str:
    """Return a record's summary, else its details, as one line, shortened to SUMMARY_LIMIT."""
    text = " ".join(_line(record.get("summary") or record.get("details") or "").split())
    return text if len(text) <= SUMMARY_LIMIT else text[: SUMMARY_LIMIT - 1].rstrip() + "…"
