"""The tool's typed Python API, which the command line also uses.

Functions raise subclasses of shared.errors.RagtraceError, whose text describes the problem and whose ``advice``
is the next step. They never print; progress is reported to the ``progress`` argument.
"""

from __future__ import annotations

from bootstrap.api.backups import BackupPlan, create_backup, list_backups, plan_backup, restore
from bootstrap.api.here import QUIET, prefix_or_none, settled
from bootstrap.api.inspecting import (
    Status,
    audit_entries,
    audit_head,
    export_audit_log,
    history,
    list_checks,
    monitor,
    set_asset,
    status,
    validate,
    verify_audit_log,
)
from bootstrap.api.installing import (
    accept_memory,
    admission,
    effect_of,
    install,
    memory_accounts,
    open_bundle,
    plan,
    prefix_for,
    rollback,
    trust_state,
    uninstall,
    update_trust,
    upgrade,
    verify,
    why_untrusted,
    write_index,
)
from bootstrap.api.repairing import check_repaired, plan_recovery, recover
from bootstrap.api.scanning import advisories_site, scan_advisories, update_advisories
from installer.trust.admission import AS_IT_IS

__all__ = [
    "AS_IT_IS",
    "QUIET",
    "BackupPlan",
    "Status",
    "accept_memory",
    "admission",
    "advisories_site",
    "audit_entries",
    "audit_head",
    "check_repaired",
    "create_backup",
    "effect_of",
    "export_audit_log",
    "history",
    "install",
    "list_backups",
    "list_checks",
    "memory_accounts",
    "monitor",
    "open_bundle",
    "plan",
    "plan_backup",
    "plan_recovery",
    "prefix_for",
    "prefix_or_none",
    "recover",
    "restore",
    "rollback",
    "scan_advisories",
    "set_asset",
    "settled",
    "status",
    "trust_state",
    "uninstall",
    "update_advisories",
    "update_trust",
    "upgrade",
    "validate",
    "verify",
    "verify_audit_log",
    "why_untrusted",
    "write_index",
]
