"""The table of all conditions, in the order in which docs/hosts.md lists them."""

from __future__ import annotations

from tests.hosts.conditions import inherited, places

ROWS = (
    *inherited.ENVIRONMENT,
    *inherited.LIMITS,
    *inherited.STREAMS,
    *inherited.TERMINAL,
    *inherited.SIGNALS,
    *inherited.UMASK,
    *inherited.KERNEL,
    *places.CLOCK,
    *places.OWNER,
    *places.MOUNTS,
    *places.NAMES,
    *places.LINKS,
    *places.INTERPRETERS,
)
KINDS = tuple(dict.fromkeys(row.kind for row in ROWS))
