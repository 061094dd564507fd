"""The table of a fleet as Prometheus metrics: one series for each installation, and numbers of the whole."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fleet.statement import OVERALL
from shared.terminal import exposition
from shared.terminal.exposition import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.table import Fleet, Row

DAY = 86_400.0


def render(fleet: Fleet) -> Iterator[str]:
    """Yield the metrics, one family after the other."""
    yield from (exposition.render((family,)) for family in families(fleet))


def _about(row: Row) -> dict[str, str]:
    return {
        "asset": row.asset,
        "hostname": row.hostname,
        "product": row.product or "",
        "prefix": row.prefix,
        "installation": row.installation,
        "machine_id": row.machine_id or "",
        "keyid": row.keyid,
    }


def families(fleet: Fleet) -> Iterator[Family]:
    """Yield every metric of a fleet."""
    rows = [(_about(row), row) for row in fleet.rows]
    yield Family(
        "ragtrace_fleet_report_timestamp_seconds",
        "When the statements were read, in seconds since 1970.",
        (({}, fleet.created.timestamp()),),
    )
    yield Family(
        "ragtrace_fleet_hosts",
        "Number of installations with each overall status; empty if there is no report.",
        tuple(({"status": status}, count) for status, count in fleet.statuses.items()),
    )
    refused = Counter(one.kind for one in fleet.refused)
    yield Family(
        "ragtrace_fleet_refused_statements",
        "Number of problems with statements, of each kind.",
        tuple(({"kind": kind}, count) for kind, count in sorted(refused.items())),
    )
    yield Family(
        "ragtrace_fleet_absent_assets",
        "Number of enrolled assets without a statement that counts.",
        (({}, len(fleet.absent)),),
    )
    yield Family(
        "ragtrace_fleet_release_info",
        "Always 1; the labels name what is installed.",
        tuple(({**about, "version": row.version or "", "release": row.release or ""}, 1) for about, row in rows),
    )
    yield Family(
        "ragtrace_fleet_status",
        "1 for the overall status of the last validation, 0 for the others.",
        tuple(({**about, "status": status}, row.status == status) for about, row in rows for status in OVERALL),
    )
    yield Family(
        "ragtrace_fleet_last_seen_timestamp_seconds",
        "When the last statement was made, by the clock of its host, in seconds since 1970.",
        tuple((about, row.last_seen.timestamp()) for about, row in rows),
    )
    ages = [(about, row.advisories_days(fleet.created)) for about, row in rows]
    yield Family(
        "ragtrace_fleet_advisories_age_seconds",
        "Age of the advisories, in whole days.",
        tuple((about, days * DAY) for about, days in ages if days is not None),
    )
    yield Family(
        "ragtrace_fleet_problems",
        "Number of results that require action.",
        tuple((about, len(row.problems) + row.left_out) for about, row in rows),
    )
    yield Family(
        "ragtrace_fleet_differences",
        "Number of values that differ from those of most installations of the product.",
        tuple((about, len(row.differs)) for about, row in rows),
    )
