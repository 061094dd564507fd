"""The OSV specification's own way to evaluate a record, taken to the letter: slow, and nobody's shortcut.

Schema 1.7, section "Evaluation": a version is affected if it is listed, or if the events of some range,
sorted, leave it vulnerable. Versions are compared by PEP 440; a local version counts as its public part.
"""

from __future__ import annotations

from functools import cache, lru_cache

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

# what the bounds of real records that are no version (or one build of a version) can only mean, by hand
REPAIRED = {
    "0.1.0-NA": "0.1.0",
    "2.9.0-NA": "2.9.0",
    "2.10.0-NA": "2.10.0",
    "3.0.3-NA": "3.0.3",
    "0.2.0-alpha\\.33": "0.2.0a33",
    "3.10.2-NA": "3.10.2",
    "0.14.0-NA": "0.14.0",
    "4.1.0-NA": "4.1.0",
    "2.6.0-cu124": "2.6.0",
    "2.6.0+cu124": "2.6.0",
    "2.6.0-NA": "2.6.0",
    "2.5.0-NA": "2.5.0",
    "2.7.1-NA": "2.7.1",
}
SUFFIXES = (".dev0", "a0.dev0", "a1", "rc1", "rc1.post1", "+local.1", ".post0.dev0", ".post1", ".0", ".0.1.dev0", ".1")


class UndecidableError(Exception):
    """A bound cannot be read."""


@cache
def version_of(text: str) -> Version:
    return Version(Version(text).public)


def bound_of(text: str) -> Version:
    return version_of(REPAIRED.get(text, text))


def before_everything(text: str) -> bool:
    return text == "0"


def is_vulnerable(record: dict, package: str, text: str) -> bool:
    """Return the specification's answer. Raises UndecidableError where it has none."""
    undecidable = False
    for affected in record["affected"]:
        if affected["package"]["ecosystem"] != "PyPI" or canonicalize_name(affected["package"]["name"]) != package:
            continue
        if in_explicit_versions(text, affected.get("versions", [])):
            return True
        ranges = [one for one in affected.get("ranges", []) if one["type"] != "GIT"]
        if not ranges and not affected.get("versions"):
            undecidable = True
        for one in ranges:
            if not any("introduced" in event for event in one["events"]):
                undecidable = True
                continue
            try:
                if in_range(version_of(text), one["events"]):
                    return True
            except InvalidVersion:  # a bound's, or the version's own
                undecidable = True
    if undecidable:
        raise UndecidableError
    return False


def in_explicit_versions(text: str, versions: list[str]) -> bool:
    if text in versions:
        return True
    try:
        wanted = version_of(text)
    except InvalidVersion:
        return False
    return wanted in listed(tuple(versions))


@lru_cache(maxsize=64)
def listed(versions: tuple[str, ...]) -> frozenset[Version]:
    found = set()
    for text in versions:
        try:
            found.add(version_of(text))
        except InvalidVersion:
            continue
    return frozenset(found)


def in_range(version: Version, events: list[dict]) -> bool:
    def key(event):
        ((kind, text),) = event.items()
        return (0,) if kind == "introduced" and before_everything(text) else (1, bound_of(text), kind == "introduced")

    if any("+" in event.get("fixed", "") for event in events):
        raise UndecidableError  # whether the public version has the fix, nobody says
    vulnerable = False
    for event in sorted(events, key=key):
        if "introduced" in event and (
            before_everything(event["introduced"]) or version >= bound_of(event["introduced"])
        ):
            vulnerable = True
        if "fixed" in event and version >= bound_of(event["fixed"]):
            vulnerable = False
        if "last_affected" in event and version > bound_of(event["last_affected"]):
            vulnerable = False
    return vulnerable


def interesting_versions(record: dict) -> set[str]:
    """Return every version that a record lists, and those at, right before and right after each of its bounds."""
    found = {"0", "0.dev0", "0.0.1", "99999", "1!0.1"}
    for affected in record["affected"]:
        found.update(affected.get("versions", []))
        for one in affected.get("ranges", []):
            if one["type"] != "GIT":
                found.update(text for event in one["events"] for text in event.values())
    bounds = [
        REPAIRED.get(text, text)
        for affected in record["affected"]
        for one in affected.get("ranges", [])
        if one["type"] != "GIT"
        for event in one["events"]
        for text in event.values()
    ]
    return found | {text for bound in bounds for text in around(bound)}


def around(bound: str) -> set[str]:
    """Return versions on both sides of a bound, as close as PEP 440 has them."""
    try:
        version = Version(bound)
    except InvalidVersion:
        return set()
    found = {str(version), str(Version(version.base_version))}
    release = list(version.release)
    epoch = f"{version.epoch}!" if version.epoch else ""
    for step in (-1, 1):
        if release[-1] + step >= 0:
            found.add(epoch + ".".join(map(str, [*release[:-1], release[-1] + step])))
    for suffix in SUFFIXES:
        for start in (bound, version.base_version):
            try:
                found.add(str(Version(f"{start}{suffix}")))
            except InvalidVersion:
                continue
    return found
