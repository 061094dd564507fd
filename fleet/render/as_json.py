"""The table of a fleet as JSON, one host a line, written piece by piece: thousands of hosts need little memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bundle.strict import time_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.table import Fleet

FORMAT = 1


def render(fleet: Fleet) -> Iterator[str]:
    """Yield the pieces of the document."""
    facts = {
        "format": FORMAT,
        "created": time_to_json(fleet.created),
        "verified": fleet.verified,
        "statuses": {status or "none": count for status, count in fleet.statuses.items()},
        "most": {product: dict(values) for product, values in fleet.most.items()},
        "common": [{"check": check, "status": status, "hosts": count} for check, status, count in fleet.common],
        "absent": list(fleet.absent),
        "superseded": fleet.superseded,
    }
    yield "{\n"
    yield from (f"  {_dumps(name)}: {_dumps(value)},\n" for name, value in facts.items())
    yield from _list("refused", (_dumps(vars(one)) for one in fleet.refused))
    yield ",\n"
    yield from _list("hosts", (_dumps(row.to_json(fleet.created)) for row in fleet.rows))
    yield "\n}\n"


def _list(name: str, items: Iterator[str]) -> Iterator[str]:
    yield f"  {_dumps(name)}: ["
    for index, item in enumerate(items):
        yield f"{',' if index else ''}\n    {item}"
    yield "]"


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
