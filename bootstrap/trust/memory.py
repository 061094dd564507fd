"""What a place remembers: its highest policy, and the highest release counter of each product.

Kept beside the policy, so that a new prefix does not forget it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bootstrap import files
from bootstrap.bundle import strict
from bootstrap.bundle.strict import Fields
from bootstrap.errors import HostError, TrustError
from bootstrap.i18n import _
from bootstrap.lockfile import locked
from bootstrap.trust.places import FILE_LIMIT, is_there, read_small

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "memory.json"
FORMAT = 1
PRODUCTS_LIMIT = 10_000  # of them all in FILE_LIMIT bytes
LOCK_WAIT = 10.0  # seconds; it is held for one small write


@dataclass(frozen=True)
class Memory:
    """The highest policy number (0: none) and each product's highest counter."""

    policy: int = 0
    products: Mapping[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        return strict.dumps({"format": FORMAT, "policy": self.policy, "products": dict(self.products)})


def parse(data: bytes | None, name: str) -> Memory:
    """Read a memory; None is an empty one. Raises TrustError for a damaged one: it must not be forgotten."""
    if data is None:
        return Memory()
    try:
        fields = Fields(strict.loads(data, name, limit=FILE_LIMIT), name)
        fields.integer("format", least=FORMAT, most=FORMAT)
        memory = Memory(fields.integer("policy"), fields.nested("products", _products))
        fields.done()
    except TrustError as error:
        raise TrustError(
            error.what,
            advice=_("Restore {name} from a backup; without it older releases could come back.").format(name=name),
        ) from error
    return memory


def _products(value: Any, path: str) -> dict[str, int]:
    fields = Fields(value, path)
    products = {str(name): fields.integer(name, least=1) for name in sorted(fields.left)[:PRODUCTS_LIMIT]}
    fields.done()
    return products


def _readable(memory: Memory, path: Path) -> bytes:
    """Return a memory as a file, by the bounds of its reader."""
    data = memory.to_bytes()
    if len(memory.products) > PRODUCTS_LIMIT or len(data) > FILE_LIMIT:
        raise HostError(
            _("{path} holds {count} products, more than it can.").format(path=path, count=len(memory.products)),
            advice=_("Take products that this host no longer has out of it."),
        )
    return data


def remember(folder: Path, *, policy: int = 0, counters: Mapping[str, int] | None = None) -> Memory:
    """Raise what a folder remembers; nothing in it ever becomes lower.

    Raises OSError where it cannot be written, HostError where it could not be read again: it stays as it is then.
    """
    with locked(folder / "lock", wait=LOCK_WAIT):
        path = folder / NAME
        now = parse(read_small(path) if is_there(path) else None, str(path))
        products = dict(now.products)
        for name, counter in (counters or {}).items():
            products[name] = max(counter, products.get(name, 0))
        raised = Memory(max(policy, now.policy), dict(sorted(products.items())))
        if raised != now:
            files.write_atomic(path, _readable(raised, path))
    return raised
