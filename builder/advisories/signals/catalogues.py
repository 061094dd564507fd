"""Reading CISA's catalogue of exploited vulnerabilities (KEV) and FIRST's EPSS scores, as files that were fetched.

Both are read completely and strictly, then reduced to the CVEs that a snapshot's records name.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

from builder.advisories.documents import read_file
from bundle import strict
from bundle.advisories.severity import AHEAD
from bundle.advisories.signals import exploits
from bundle.advisories.signals.exploits import CVE, Catalogue, Scores, read_date, read_scores
from shared.errors import BuildError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from bundle.advisories.index import Advisory

_RELEASED = re.compile(r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})T[0-9:.]{5,20}Z")


def cves_of(packages: Mapping[str, Iterable[Advisory]]) -> frozenset[str]:
    """Return the CVEs that advisories name, as their ids or aliases."""
    advisories = (advisory for found in packages.values() for advisory in found)
    names = (name for advisory in advisories for name in (advisory.id, *advisory.aliases))
    return frozenset(name for name in names if CVE.fullmatch(name))


def read_kev(path: Path, cves: frozenset[str], now: datetime) -> Catalogue:
    """Read CISA's JSON catalogue. Raises BuildError for the first entry that is invalid, or if it is truncated."""
    data = read_file(path, exploits.LIMIT)
    try:
        whole = strict.loads(data, path.name, limit=exploits.LIMIT)
        entries, count, released = whole["vulnerabilities"], whole["count"], whole["dateReleased"]
        matched = _RELEASED.fullmatch(released)
        if not isinstance(entries, list) or isinstance(count, bool) or not isinstance(count, int) or matched is None:
            raise TypeError
    except TrustError as error:
        raise _refused(path, error.what.rstrip(".")) from error
    except (KeyError, TypeError) as error:
        raise _refused(path, _("not CISA's catalogue")) from error
    if not entries or count != len(entries):
        reason = _("it has {found} vulnerabilities but counts {count}").format(found=len(entries), count=count)
        raise _refused(path, reason)
    date = matched[1]
    _require_past(path, date, now)
    exploited: dict[str, str] = {}
    for number, entry in enumerate(entries):
        place = f"vulnerabilities[{number}]"
        cve, added = _entry(path, entry, place)
        if cve in exploited:
            raise _refused(path, f"{place}: " + _("duplicate {cve}").format(cve=cve))
        if added > date:
            raise _refused(path, f"{place}: " + _("added after the release of the catalogue"))
        exploited[cve] = added
    return Catalogue(date, {cve: added for cve, added in sorted(exploited.items()) if cve in cves})


def _entry(path: Path, entry: Any, place: str) -> tuple[str, str]:
    """Return the CVE of an entry and the date on which it was added."""
    cve = entry.get("cveID") if isinstance(entry, dict) else None
    if not isinstance(cve, str) or not CVE.fullmatch(cve):
        raise _refused(path, f"{place}: " + _("not a CVE"))
    try:
        return cve, read_date(entry.get("dateAdded"), f"{place}.dateAdded")
    except TrustError as error:
        raise _refused(path, error.what.rstrip(".")) from error


def read_epss(path: Path, cves: frozenset[str], now: datetime) -> Scores:
    """Read FIRST's CSV file, also as published (``.csv.gz``). Raises BuildError for the first line that is invalid."""
    data = read_file(path, exploits.LIMIT)
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(path, data)
    try:
        found = read_scores(data, path.name)
    except TrustError as error:
        raise _refused(path, error.what.rstrip(".")) from error
    if not found.scores:
        raise _refused(path, _("no scores"))
    _require_past(path, found.date, now)
    return Scores(found.date, {cve: shares for cve, shares in found.scores.items() if cve in cves})


def _unpacked(path: Path, data: bytes) -> bytes:
    """Return the contents of a gzip file, at most one byte more than is read."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(data, exploits.LIMIT + 1)
    except zlib.error as error:
        raise _refused(path, str(error)) from error
    if not unpacking.eof and len(found) <= exploits.LIMIT:
        raise _refused(path, _("truncated"))
    return found


def _require_past(path: Path, date: str, now: datetime) -> None:
    if date > f"{now + AHEAD:%Y-%m-%d}":
        raise _refused(path, _("dated {date}, which is in the future").format(date=date))


def _refused(path: Path, reason: str) -> BuildError:
    return BuildError(
        _("{path} is not usable: {reason}.").format(path=path, reason=reason[:300]),
        advice=_("Fetch the file again; nothing was created."),
    )
