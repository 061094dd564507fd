"""Administration of this host's memory: listing its problems, repairing it, and accepting what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from installer.logs import audit_log
from installer.trust import evidence, memory
from installer.trust.authority import stored_by_host, stored_by_user
from shared import troubles
from shared.errors import HostError, RagtraceError
from shared.files.process_lock import locked
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from installer.trust.stores import TrustStores


@dataclass(frozen=True)
class Account:
    """The memory in one folder, with the problems of each file; ``repairable`` is true if this run may write there."""

    folder: Path
    stored: memory.Stored
    repairable: bool

    @property
    def problems(self) -> list[str]:
        """The problems as strings, each with the file's path."""
        return [f"{self.folder / name}: {problem}" for name, problem in self.stored.problems.items()]

    def to_json(self) -> dict[str, Any]:
        found = self.stored.memory
        facts = {"folder": str(self.folder), "policy": found.policy, "counters": dict(found.products)}
        return {**facts, "rebuilt": found.rebuilt, "problems": self.problems}


def accounts(trust_stores: TrustStores, prefix: Prefix | None) -> list[Account]:
    """Return the memory of the host, of this user and of the installation's own policy.

    Raises TrustError if other users could have changed one of the first two.
    """
    found = [Account(trust_stores.host, stored_by_host(trust_stores), trust_stores.privileged)]
    if not trust_stores.privileged:
        found.append(Account(trust_stores.user, stored_by_user(trust_stores), repairable=True))
    if prefix is not None:
        found.append(Account(prefix.trust, memory.read_folder(prefix.trust), repairable=True))
    return found


def forgotten(found: Sequence[Account], prefix: Prefix | None) -> dict[str, int]:
    """Return the counters of products that are installed here and that no memory contains."""
    known = {name for account in found for name in account.stored.memory.products}
    return {name: counter for name, counter in evidence.counters(prefix).items() if name not in known}


def repair(trust_stores: TrustStores, prefix: Prefix | None) -> Iterator[str]:
    """Rewrite damaged memory from the other copy or from the installations; yield a message for each folder."""
    found = accounts(trust_stores, prefix)
    shown = evidence.counters(prefix)
    for account in found:
        own = account.folder == trust_stores.own
        lost = shown if own and account.stored.memory.rebuilt else {}
        lacking = forgotten(found, prefix) if own else {}
        if not account.repairable or not (account.stored.problems or lacking):
            continue
        try:
            memory.remember(trust_stores.make_own() if own else account.folder, counters={**lacking, **lost})
        except (OSError, RagtraceError) as error:
            reported = _("Cannot rewrite {path}: {reason}")
            yield reported.format(path=account.folder / memory.NAME, reason=troubles.described(error))
        else:
            yield _("{path} was rewritten.").format(path=account.folder / memory.NAME)


def accept(trust_stores: TrustStores, prefix: Prefix | None) -> tuple[memory.Memory, str]:
    """Accept the counters found on this host as complete; return the new memory and the audit log's head.

    The head is "" if nothing was logged. Raises HostError if the host's memory was rebuilt and this user is not an
    administrator.
    """
    if not trust_stores.privileged and stored_by_host(trust_stores).memory.rebuilt:
        raise HostError(
            _("{path} is this host's trust store; only an administrator can accept its rebuilt trust records.").format(
                path=trust_stores.host
            ),
            advice=_("Run the command as root."),
        )
    accepted = memory.accept(trust_stores.make_own(), evidence.counters(prefix))
    if prefix is None:
        return accepted, ""
    with locked(prefix.lock_file, wait=memory.LOCK_WAIT):
        facts = {"policy": accepted.policy, "counters": dict(accepted.products)}
        head = audit_log.note(prefix, "accept-memory", "done", folder=str(trust_stores.own), **facts)
    return accepted, head
