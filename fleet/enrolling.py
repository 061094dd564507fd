"""Enroll hosts: add to the keys what ``statement key --json`` printed on each, over a connection that is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import strict
from bundle.signing.signature import PublicKey, parse_public_key
from fleet import enrolled
from fleet.statement import ASSET_LIMIT
from shared import reading, troubles
from shared.errors import TrustError
from shared.files import outputs
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIMIT = 64 << 10  # bytes


@dataclass(frozen=True)
class Offered:
    """A key and the asset that it is to be enrolled for."""

    asset: str
    key: PublicKey


def read_key(path: Path) -> Offered:
    """Read what a host printed. Raises UsageError if the file cannot be read, TrustError if it is something else."""
    data = troubles.read_given(path, LIMIT, _("Specify the output of 'statement key --json' of a host."))
    fields = strict.Fields(strict.loads(data, path.name, limit=LIMIT), path.name)
    asset = fields.text("asset", limit=ASSET_LIMIT)
    key = parse_public_key(fields.text("public_key"))
    return Offered(asset, key)


def enroll(path: Path, offered: Sequence[Offered], *, replace: bool = False) -> tuple[Offered, ...]:
    """Add keys to an ``allowed_signers`` file, and return those that were not in it.

    With ``replace``, the other keys of their assets are removed. Raises TrustError if a key is already enrolled for
    another asset, as on a cloned host; the file is then unchanged.
    """
    text = _text(path)
    lines = text.splitlines()
    known = enrolled.parse(text.encode(), path.name) if _has_keys(lines) else enrolled.Enrolled()
    added: list[Offered] = []
    for one in offered:
        names = {found.principal for found in known.of(one.key)} | {new.asset for new in added if new.key == one.key}
        others = names - {enrolled.principal(one.asset), one.asset}
        if others:
            raise TrustError(
                _("The key {fingerprint} of {asset} is already enrolled for {names}: one of them is a copy.").format(
                    fingerprint=one.key.fingerprint, asset=one.asset, names=", ".join(sorted(others))
                ),
                advice=_("Run 'statement key --renew' on the copy, and enroll the key that it prints."),
            )
        if not names:
            added.append(one)
    if replace:
        lines = [line for line in lines if not _is_replaced(line, offered, path.name)]
    lines += [enrolled.line_for(one.asset, one.key) for one in added]
    data = "".join(f"{line}\n" for line in lines).encode()
    if data != text.encode():
        outputs.write(path, data, mode=0o644)
    return tuple(added)


def _text(path: Path) -> str:
    try:
        return reading.read(path, enrolled.LIMIT, follow=True).decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise TrustError(_("{path} is not UTF-8.").format(path=path), advice=_("Specify another file.")) from error


def _has_keys(lines: Sequence[str]) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _is_replaced(line: str, offered: Sequence[Offered], name: str) -> bool:
    """Return whether a line has only other keys of assets that are enrolled now."""
    if not _has_keys([line]):
        return False
    found = [one for several in enrolled.parse(line.encode(), name).keys.values() for one in several]
    wanted = {enrolled.principal(one.asset): {new.key for new in offered if new.asset == one.asset} for one in offered}
    return all(one.principal in wanted and one.key not in wanted[one.principal] for one in found)
