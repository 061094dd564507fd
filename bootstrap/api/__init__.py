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
    is_known,
    memory_accounts,
    open_bundle,
    plan,
    plan_index,
    plan_rollback,
    prefix_for,
    rollback,
    trust_state,
    uninstall,
    update_trust,
    upgrade,
    verify,
    why_untrusted,
    worth_keeping,
    write_index,
)
from bootstrap.api.repairing import check_repaired, plan_recovery, recover
from bootstrap.api.scanning import advisories_site, plan_advisories, scan_advisories, update_advisories
from bootstrap.api.scheduling import Scheduled, schedule_install, schedule_remove
from bootstrap.api.stating import StatementKey, read_report, state_receipt, state_report, statement_key
from installer.trust.admission import AS_IT_IS

__all__ = [
    "AS_IT_IS",
    "QUIET",
    "BackupPlan",
    "Scheduled",
    "StatementKey",
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
    "is_known",
    "list_backups",
    "list_checks",
    "memory_accounts",
    "monitor",
    "open_bundle",
    "plan",
    "plan_advisories",
    "plan_backup",
    "plan_index",
    "plan_recovery",
    "plan_rollback",
    "prefix_for",
    "prefix_or_none",
    "read_report",
    "recover",
    "restore",
    "rollback",
    "scan_advisories",
    "schedule_install",
    "schedule_remove",
    "set_asset",
    "settled",
    "state_receipt",
    "state_report",
    "statement_key",
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
    "worth_keeping",
    "write_index",
]
