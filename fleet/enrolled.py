"""The keys of a fleet: an ``allowed_signers`` file of OpenSSH that maps the name of each asset to its keys.

``ssh-keygen -Y verify -f FILE -I ASSET -n NAMESPACE`` reads the same file. This reader accepts a subset: literal names
without patterns, and the options ``namespaces``, ``valid-after`` and ``valid-before`` (ssh-keygen(1), ALLOWED SIGNERS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

from bundle.signing.signature import PublicKey, parse_public_key
from fleet.statement import NAMESPACES
from shared import troubles
from shared.errors import TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LIMIT = 16 << 20  # bytes of the file: more than 50,000 keys
_SPECIAL = "".join(map(chr, range(0x21))) + '"%,*?!#\\\x7f\x85\xa0'  # what OpenSSH reads as syntax, and spaces
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)', re.IGNORECASE)
_TIMES = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def principal(asset: str) -> str:
    """Return the name of an asset as ``allowed_signers`` and ``ssh-keygen -I`` take it."""
    return "".join(quote(letter, safe="") if letter in _SPECIAL else letter for letter in asset)


def line_for(asset: str, key: PublicKey) -> str:
    """Return the line that enrolls a key for an asset, without a newline."""
    return f'{principal(asset)} namespaces="{",".join(NAMESPACES.values())}" {key.line()}'


@dataclass(frozen=True)
class Enrolment:
    """One key of one asset, the namespaces that it may sign for (None: all), and its validity."""

    principal: str
    key: PublicKey
    namespaces: tuple[str, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def allows(self, namespace: str, at: datetime) -> bool:
        return (
            (self.namespaces is None or namespace in self.namespaces)
            and (self.start is None or self.start <= at)
            and (self.end is None or at <= self.end)
        )


@dataclass(frozen=True)
class Enrolled:
    """All keys of a fleet by their identifiers."""

    keys: Mapping[str, tuple[Enrolment, ...]] = field(default_factory=dict)

    def of(self, key: PublicKey) -> tuple[Enrolment, ...]:
        """Return the enrolments of a key; several if it stands for several assets."""
        return tuple(one for one in self.keys.get(key.keyid, ()) if one.key == key)

    @property
    def principals(self) -> frozenset[str]:
        return frozenset(one.principal for found in self.keys.values() for one in found)


def read(path: Path) -> Enrolled:
    """Read an ``allowed_signers`` file. Raises UsageError if it cannot be read, TrustError for a line that is wrong."""
    data = troubles.read_given(path, LIMIT, _("Specify the allowed_signers file of your hosts."))
    return parse(data, path.name)


def parse(data: bytes, name: str) -> Enrolled:
    """Parse an ``allowed_signers`` file. Raises TrustError that names the line."""
    found: dict[str, list[Enrolment]] = {}
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _wrong(name, data[: error.start].count(b"\n") + 1, _("it is not UTF-8")) from error
    for number, line in enumerate(lines, 1):
        text = line.strip(" \t\r")
        if text and not text.startswith("#"):
            for enrolment in _enrolments(text, name, number):
                found.setdefault(enrolment.key.keyid, []).append(enrolment)
    if not found:
        raise TrustError(
            _("{name} enrolls no key.").format(name=name),
            advice=_("Run 'statement key --json' on each host, and 'fleet enroll' here."),
        )
    return Enrolled({keyid: tuple(several) for keyid, several in found.items()})


def _enrolments(text: str, name: str, number: int) -> Iterator[Enrolment]:
    names, _space, rest = text.partition(" ")
    if names.startswith('"') or set(names) & set("*?!"):
        raise _wrong(name, number, _("its name is a pattern or in quotes, not the name of one asset"))
    start = re.search(r"(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-\S+ \S+)", rest)
    if start is None:
        raise _wrong(name, number, _("it has no key"))
    options = _options(rest[: start.start(1)].strip(), name, number)
    try:
        key = parse_public_key(start[1])
    except TrustError as error:
        raise _wrong(name, number, error.what.rstrip(".")) from error
    for one in names.split(","):
        yield Enrolment(one, key, *options)


def _options(text: str, name: str, number: int) -> tuple[tuple[str, ...] | None, datetime | None, datetime | None]:
    namespaces: tuple[str, ...] | None = None
    times: dict[str, datetime] = {}
    position = 0
    while position < len(text):
        matched = _OPTION.match(text, position)
        option = matched[1].lower() if matched else ""
        value = (matched[2] or "") if matched else ""
        if option == "namespaces" and value and not set(value) & set("*?!"):
            namespaces = tuple(value.split(","))
        elif option in ("valid-after", "valid-before"):
            times[option] = _time(value, name, number)
        else:
            raise _wrong(name, number, _("its options are not supported: {text}").format(text=text[:80]))
        position = matched.end() if matched else len(text)
    return namespaces, times.get("valid-after"), times.get("valid-before")


def _time(text: str, name: str, number: int) -> datetime:
    digits = text.removesuffix("Z")
    try:
        moment = datetime.strptime(digits, _TIMES[len(digits)])  # noqa: DTZ007 - the zone follows
    except (KeyError, ValueError) as error:
        raise _wrong(name, number, _("{text} is not a time of OpenSSH").format(text=text[:40])) from error
    return moment.replace(tzinfo=timezone.utc) if text.endswith("Z") else moment.astimezone()


def _wrong(name: str, number: int, reason: str) -> TrustError:
    return TrustError(
        _("{path}, line {number}: {reason}.").format(path=name, number=number, reason=reason),
        advice=_("Correct the line, or remove it and enroll the host again."),
    )
