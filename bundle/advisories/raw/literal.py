"""The evaluation of records exactly as the OSV specification writes it (schema 1.7, "Evaluation"): a second opinion.

It shares no code with the matcher and its index, but for PEP 440's order: it repeats none of their mistakes. It reads
every record; none is chosen by an index.

What no version can be compared with leaves a record undecided, for every version that it does not list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Dict, Tuple

from packaging.version import Version

from bundle.advisories.raw.lines import is_withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

AFFECTED, UNDECIDED, CLEAR = "affected", "undecided", "clear"
EVERY = "*"  # in place of a package that a record does not name legibly
Judgements = Dict[Tuple[str, str, str], str]  # by package, version as installed, and record
_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_SEMVER = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_DEVICE = re.compile(r"-(?:cu[\d.]+|rocm[\d.]+|cpu)", re.ASCII)  # a build of a version for one device


VERSION_LIMIT = 4096  # characters
INSTALLED = "installed"  # in place of an event's kind


class UndecidableError(Exception):
    """A range has no answer for a version."""


# what values of any type raise where others are expected
_ILLEGIBLE = (UndecidableError, TypeError, KeyError, AttributeError, ValueError)


@dataclass(frozen=True)
class Question:
    """Installed packages, by name and version; ``until`` is the time of the snapshot (RFC 3339).

    ``set_aside`` has the packages of each record that the snapshot does not have, by its id (none: all packages).
    """

    installed: Collection[tuple[str, str]]
    until: str
    set_aside: Collection[tuple[str, Collection[str]]] = ()

    def versions(self) -> dict[str, set[str]]:
        """Return the versions by normalised name."""
        found: dict[str, set[str]] = {}
        for name, version in self.installed:
            found.setdefault(normal(name), set()).add(version)
        return found


def evaluate(records: Iterable[Mapping[str, Any]], question: Question) -> Judgements:
    """Return AFFECTED or UNDECIDED for each installed version and record; what is not in it is clear."""
    versions = question.versions()
    found: Judgements = {}
    for identifier, packages in question.set_aside:
        found.update({(name, one, identifier): UNDECIDED for name in packages for one in versions.get(name, ())})
    for record in records:
        if is_withdrawn(record, question.until):
            continue
        blocks = _by_package(record)
        concerned = versions if EVERY in blocks else versions.keys() & blocks.keys()
        for name in concerned:
            for version in versions[name]:
                verdict = _judge(blocks.get(name, ()), version)
                if verdict == CLEAR and EVERY in blocks:
                    verdict = UNDECIDED
                if verdict != CLEAR:
                    found[name, version, record["id"]] = verdict
    return found


def normal(name: str) -> str:
    """Return the normalised form of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _by_package(record: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the affected blocks of a record by package; EVERY has those whose package is illegible."""
    blocks = record.get("affected")
    if not isinstance(blocks, list) or not blocks:
        return {EVERY: []}
    found: dict[str, list[Any]] = {}
    for block in blocks:
        key = _package_of(block)
        if key is not None:
            found.setdefault(key, []).append(block)
    return found


def _has_commits_alone(ranges: Any) -> bool:
    """Return whether all ranges are of a repository, which needs no package (OSV schema, affected[].package)."""
    kinds = [one.get("type") if isinstance(one, dict) else None for one in ranges] if isinstance(ranges, list) else []
    return bool(kinds) and all(kind == "GIT" for kind in kinds)


def _package_of(block: Any) -> str | None:
    """Return the package of a block, EVERY if it is illegible, or None if it is of another ecosystem."""
    if isinstance(block, dict) and "package" not in block and _has_commits_alone(block.get("ranges")):
        return None
    try:
        ecosystem, name = block["package"]["ecosystem"].split(":")[0], block["package"]["name"]
        if ecosystem.strip().lower() != "pypi":
            return None
        return normal(name) if ecosystem == "PyPI" and _NAME.fullmatch(name) else EVERY
    except (TypeError, KeyError, AttributeError):
        return EVERY


def _judge(blocks: Iterable[Any], text: str) -> str:
    """Judge a version by the blocks of its package: one that affects it is enough."""
    verdicts = {_judge_by(block, text) for block in blocks}
    return next((one for one in (AFFECTED, UNDECIDED) if one in verdicts), CLEAR)


def _judge_by(block: Any, text: str) -> str:
    try:
        if _is_listed(text, block.get("versions", ())):
            return AFFECTED
        return _by_ranges(block, text)
    except _ILLEGIBLE:
        return UNDECIDED


def _is_listed(text: str, versions: Any) -> bool:
    if not isinstance(versions, (list, tuple)):
        raise UndecidableError
    if text in versions:
        return True
    version = _version(text)
    if version is None:
        raise UndecidableError
    return version in map(_version, versions)


def _by_ranges(block: Mapping[str, Any], text: str) -> str:
    ranges = [one for one in block.get("ranges", ()) if one["type"] != "GIT"]
    if not ranges and not block.get("versions"):
        return UNDECIDED
    verdicts = {_by_range(one, text) for one in ranges}
    return next((one for one in (AFFECTED, UNDECIDED) if one in verdicts), CLEAR)


def _by_range(one: Mapping[str, Any], text: str) -> str:
    try:
        return AFFECTED if _is_in_range(text, one) else CLEAR
    except UndecidableError:
        return UNDECIDED


def _is_in_range(text: str, one: Mapping[str, Any]) -> bool:
    place = PLACES.get(one["type"])
    if place is None:
        raise UndecidableError
    events = sorted(_events(one["events"], place), key=lambda event: (event[1], event[0] == "introduced"))
    here = place(text, INSTALLED)
    limits = [] if {"limit": "*"} in one["events"] else [bound for kind, bound in events if kind == "limit"]
    if limits and not any(here < limit for limit in limits):
        return False
    if not any(kind == "introduced" for kind, _bound in events):
        raise UndecidableError
    vulnerable = False
    for kind, bound in events:
        if kind == "introduced" and here >= bound:
            vulnerable = True
        elif (kind == "fixed" and here >= bound) or (kind == "last_affected" and here > bound):
            vulnerable = False
    return vulnerable


def _events(events: Iterable[Any], place: Callable[[str, str], Any]) -> Iterator[tuple[str, Any]]:
    for event in events:
        ((kind, text),) = event.items()
        if kind not in ("introduced", "fixed", "last_affected", "limit"):
            raise UndecidableError
        if not (kind == "limit" and text == "*"):
            yield kind, place(text, kind)


def _pep440(text: str, kind: str) -> Any:
    """Return the place of a version of type ECOSYSTEM; a local version has that of its public part."""
    if text == "0" and kind == "introduced":
        return (0, None)  # before every version
    version = _version(text)
    if version is None and kind != INSTALLED:
        version = _repaired(text, kind)
    if version is None or (kind == "fixed" and "+" in text):
        raise UndecidableError  # a fix in one local version says nothing of the public one
    return (1, version)


def _semver(text: str, kind: str) -> Any:
    """Return the place of a version of type SEMVER (semver.org 2.0, section 11)."""
    if text == "0" and kind == "introduced":
        return (0,)
    found = _SEMVER.fullmatch(text)
    if not found:
        raise UndecidableError
    numbers = tuple(int(one or 0) for one in found.groups()[:3])
    parts = [] if found[4] is None else found[4].split(".")
    order = tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in parts)
    return (1, numbers, not order, order)


PLACES = {"ECOSYSTEM": _pep440, "SEMVER": _semver}


def _repaired(text: str, kind: str) -> Version | None:
    """Return what a bound that names a CPE's version or one device's build can only mean, or None."""
    plain = text.replace("\\", "")
    if plain.upper().endswith("-NA"):
        plain = plain[:-3]
    elif kind == "last_affected" and "-" in plain:
        base, device = plain[: plain.rindex("-")], plain[plain.rindex("-") :]
        plain = base if _DEVICE.fullmatch(device) else plain
    return _version(plain)


@lru_cache(maxsize=1 << 16)
def _version(text: str) -> Version | None:
    """Return the public part of a version, or None if it is not one."""
    if isinstance(text, str) and len(text) > VERSION_LIMIT:
        return None  # older interpreters take minutes for a number of millions of digits
    try:
        found = Version(text)
        return Version(found.public) if found.local else found
    except (ValueError, TypeError):
        return None
