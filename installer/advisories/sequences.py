"""The highest sequence numbers of snapshots and exceptions files that this host accepted for a product.

They are recorded where release counters are (installer/trust/memory.py), under the product's name and the file's role,
so that a new prefix, or one whose state was removed, does not forget them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from installer.logs import audit_log
from installer.trust import memory
from installer.trust.authority import stored_by_host, stored_by_user
from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from installer.release.installation import Installation
    from installer.trust.stores import TrustStores


def name_of(product: str, role: str) -> str:
    """Return the name under which a file's sequence number is recorded; no product's name contains a slash."""
    return f"{product}/{role}"


def highest(role: str, installation: Installation, trust_stores: TrustStores) -> int:
    """Return the highest sequence number that was accepted, or 0 if there is none.

    If no record has one or if a record was rebuilt, the updates in the audit log of this installation count too.
    """
    name = name_of(installation.manifest.product.name, role)
    found = (stored_by_host(trust_stores), stored_by_user(trust_stores))
    sequence = max(one.memory.products.get(name, 0) for one in found)
    if not sequence or any(one.memory.rebuilt for one in found):
        sequence = max(sequence, _in_audit_log(role, installation))
    return sequence


def _in_audit_log(role: str, installation: Installation) -> int:
    sequence = 0
    with contextlib.suppress(OSError, RagtraceError):  # another check reports whether the log is intact
        for entry in audit_log.entries(installation.prefix):
            found = entry.get("sequence")
            done = (entry.get("action"), entry.get("outcome"), entry.get("kind")) == ("advisories", "done", role)
            if audit_log.is_removal(entry):
                sequence = 0
            elif done and isinstance(found, int):
                sequence = max(sequence, found)
    return sequence


def digest_in_audit_log(role: str, sequence: int, installation: Installation) -> str:
    """Return the SHA-256 of the file with a sequence number that an update put in force here, or "" if none did."""
    found = ""
    with contextlib.suppress(OSError, RagtraceError):
        for entry in audit_log.entries(installation.prefix):
            if (entry.get("action"), entry.get("kind"), entry.get("sequence")) == ("advisories", role, sequence):
                found = str(entry.get("sha256") or found)
    return found


def remember(sequences: Mapping[str, int], installation: Installation, trust_stores: TrustStores) -> str | None:
    """Record the sequence numbers of files that are in force, by role.

    A failure is returned as a warning and not raised: they are in force already.
    """
    product = installation.manifest.product.name
    counters = {name_of(product, role): sequence for role, sequence in sequences.items() if sequence > 0}
    if not counters:
        return None
    try:
        memory.remember(trust_stores.make_own(), counters=counters)
    except (OSError, RagtraceError) as error:
        return _("{path}: the sequence number was not recorded outside the prefix ({reason}).").format(
            path=trust_stores.own, reason=troubles.described(error)
        )
    return None
