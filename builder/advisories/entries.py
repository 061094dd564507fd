"""Exceptions as users write them: a list of findings, each with an approver, a reason and an expiry date.

Only the time of approval has a default; a missing or empty value is refused.
"""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from builder.advisories.documents import read_file
from builder.project.toml_file import parse_toml, quoted
from bundle import strict
from bundle.advisories.exceptions import JUSTIFICATIONS, LONGEST, Exemption
from bundle.advisories.reports.words import marks_of
from bundle.advisories.versions import public
from bundle.strict import refuse, time_from_json, time_to_json
from shared.errors import TrustError, UsageError
from shared.i18n import _
from shared.terminal.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from bundle.advisories.matcher import Finding

LIST = "exceptions"
FILLED_IN = ("justification", "statement", "approver", "until")
KEYS = ("id", "package", "versions", *FILLED_IN)
ENTRIES_LIMIT = 8 << 20  # bytes, including the comments of a template for each finding
SHOWN = 20  # problems listed in an error


def read_entries(path: Path) -> list[tuple[str, Any]]:
    """Return the entries of a TOML or ``.json`` file, each with its location.

    Raises UsageError if the file cannot be read, is malformed, or has no entries.
    """
    data = read_file(path, ENTRIES_LIMIT)
    try:
        whole = strict.loads(data, path.name, limit=ENTRIES_LIMIT) if path.suffix == ".json" else None
        fields = strict.Fields(whole if whole is not None else parse_toml(data, path), path.name)
        entries = fields.items(LIST, lambda value, _place: value, most=10_000)
        fields.done()
    except TrustError as error:
        raise UsageError(
            error.what, advice=_("Create a file in the right format with `advisories template`.")
        ) from error
    if not entries:
        raise UsageError(
            _("{path} contains no exception.").format(path=path),
            advice=_("Create a file in the right format with `advisories template`."),
        )
    return [(f"{path.name}: {LIST}[{number}]", entry) for number, entry in enumerate(entries)]


def exemptions_of(entries: Iterable[tuple[str, Any]], now: datetime) -> tuple[Exemption, ...]:
    """Return the exceptions for all entries, with ``now`` as the time of approval.

    Raises UsageError, listing at most SHOWN of the invalid entries, if there are any.
    """
    found: dict[tuple[str, str, str], Exemption] = {}
    problems = []
    for given, entry in entries:
        place = _named(given, entry)
        try:
            one = _exemption(entry, place, now)
            same = (one.id, one.package, one.versions)
            if same in found:
                raise refuse(place, _("duplicate entry for the same advisory, package and versions"))
            found[same] = one
        except TrustError as error:
            problems.append(error.what)
    if problems:
        more = [_("… and {count} more").format(count=len(problems) - SHOWN)] if len(problems) > SHOWN else []
        raise UsageError(
            *problems[:SHOWN],
            *more,
            advice=_("Correct these entries, or remove those without an approver; nothing was written."),
        )
    return tuple(found.values())


def _named(place: str, entry: Any) -> str:
    """Return the location of an entry, followed by its advisory and package if it has both."""
    if isinstance(entry, dict) and isinstance(entry.get("id"), str) and isinstance(entry.get("package"), str):
        return f"{place} ({printable(entry['id'])[:100]}, {printable(entry['package'])[:100]})"
    return place


def _exemption(entry: Any, place: str, now: datetime) -> Exemption:
    fields = strict.Fields(entry, place)
    written = {key: fields.nested(key, _filled_in) for key in KEYS}
    fields.done()
    until = written.pop("until")
    return Exemption.from_json(
        {
            **written,
            "package": canonicalize_name(strict.text(written["package"], f"{place}.package")),
            "approved": time_to_json(now),
            "expires": time_to_json(_until(until, f"{place}.until", now)),
        },
        place,
    )


def _filled_in(value: Any, path: str) -> Any:
    if isinstance(value, str) and not value.strip():
        raise refuse(path, _("empty value"))
    return value


def _until(value: Any, path: str, now: datetime) -> datetime:
    """Parse an expiry time from a TOML value or a string; a date without a time means the end of that day in UTC."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == len("2026-01-31") else time_from_json(value, path)
        except ValueError as error:
            raise refuse(path, _("not a date of the form 2026-01-31")) from error
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise refuse(path, _("time without a time zone"))
        return value
    if not isinstance(value, date):
        raise refuse(path, _("not a date of the form 2026-01-31"))
    end = datetime.combine(value, time(23, 59, 59), timezone.utc)
    # the last allowed day is accepted at any time of day, but the exception then expires LONGEST from now
    return min(end, now + LONGEST) if value <= (now + LONGEST).date() else end


def template_text(findings: Sequence[Finding], title: str, known_until: datetime) -> str:
    """Return the complete template. Raises UsageError if it is too large to be read again."""
    text = "\n".join(template(findings, title, known_until)) + "\n"
    if len(text.encode()) > ENTRIES_LIMIT:
        raise UsageError(
            _("Too many findings for one file: {count}.").format(count=len(findings)),
            advice=_("Start with the most severe ones: --fail-on critical."),
        )
    return text


def template(findings: Sequence[Finding], title: str, known_until: datetime) -> Iterator[str]:
    """Yield the lines of a TOML file with an entry for each finding, for the user to fill in."""
    yield f"# {printable(title)}"
    yield f"# {time_to_json(known_until)}"
    yield "#"
    yield "# " + _("Fill in justification, statement, approver and until for each finding that has an approver;")
    yield "# " + _("remove all other entries: empty values are refused.")
    yield "# " + _("justification: one of")
    yield from (f"#   {justification}" for justification in JUSTIFICATIONS)
    yield "# " + _("until: the last day, for example 2026-01-31; at most {days} days from now").format(
        days=LONGEST.days
    )
    for finding in findings:
        version = public(finding.version)
        fixed = ", ".join(finding.fixed[:3]) or "-"
        yield ""
        if version is None:
            yield "# " + _(
                "{id} in {package} {version} cannot have an exception: the version cannot be compared"
            ).format(id=printable(finding.id), package=finding.package, version=printable(finding.version))
            continue
        yield f"[[{LIST}]]"
        more = f" {marks}" if (marks := marks_of(finding)) else ""
        yield "# " + _("{severity}; fixed in: {versions}").format(severity=finding.severity, versions=fixed) + more
        yield f"# {printable(finding.summary)}"
        yield f"# {finding.link}"
        yield f"id = {quoted(finding.id)}"
        yield f"package = {quoted(finding.package)}"
        yield f'versions = "=={version}"'
        yield from (f'{key} = ""' for key in FILLED_IN)
