"""What a place remembers: its highest policy, and the highest release counter of each product.

Stored beside the policy, so that a new prefix does not forget it, and twice, each with its digest: one of the two is
whole whatever happens to the other, and the higher counts. Where neither is whole, what this host shows (its policies
and what is installed) is what nothing may be lower than, until an administrator accepts it (``trust accept-memory``).
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.digest import sha256_bytes
from bundle.signing.small_files import FILE_LIMIT, is_there, names_in, read_small
from bundle.strict import Fields, refuse
from shared.errors import BusyError, HostError, TrustError
from shared.files import files
from shared.files.lockfile import is_free, locked
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

NAME, COPY, LOCK = "memory.json", "memory-copy.json", "lock"
NAMES = (NAME, COPY)  # in the order in which they are written
FORMAT = 2
SINGLE = 1  # the format before: one file, no digest
PRODUCTS_LIMIT = 10_000  # of them all in FILE_LIMIT bytes
LOCK_WAIT = 10.0  # seconds; it is held for two small writes
_POLICY = re.compile(r"policy-(0|[1-9][0-9]{0,8})\.json")
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")  # files.write_atomic


@dataclass(frozen=True)
class Memory:
    """The highest policy number (0: none) and each product's highest counter.

    ``rebuilt``: both copies were lost, so that it may have been higher; nobody has accepted it yet.
    """

    policy: int = 0
    products: Mapping[str, int] = field(default_factory=dict)
    rebuilt: bool = False

    def to_bytes(self) -> bytes:
        facts = {"format": FORMAT, "policy": self.policy, "products": dict(self.products), "rebuilt": self.rebuilt}
        return strict.dumps({**facts, "sha256": sha256_bytes(strict.dumps(facts))})


@dataclass(frozen=True)
class Stored:
    """What the two files say together, and what is wrong with which of them; ``garbage``: no file there is whole."""

    memory: Memory = field(default_factory=Memory)
    problems: Mapping[str, str] = field(default_factory=dict)
    garbage: bool = False


def _parse(data: bytes, name: str) -> tuple[int, Memory]:
    fields = Fields(strict.loads(data, name, limit=FILE_LIMIT), name)
    form = fields.integer("format", least=SINGLE, most=FORMAT)
    memory = Memory(fields.integer("policy"), fields.nested("products", _products))
    if form == FORMAT:
        memory = replace(memory, rebuilt=fields.nested("rebuilt", strict.boolean))
        facts = {"format": form, "policy": memory.policy, "products": memory.products, "rebuilt": memory.rebuilt}
        if fields.nested("sha256", strict.sha256) != sha256_bytes(strict.dumps(facts)):
            raise refuse(f"{name}.sha256", _("does not match the digest of the other fields"))
    fields.done()
    return form, memory


def _products(value: Any, path: str) -> dict[str, int]:
    fields = Fields(value, path)
    products = {str(name): fields.integer(name, least=1) for name in sorted(fields.left)[:PRODUCTS_LIMIT]}
    fields.done()
    return products


def read(names: Iterable[str], data_of: Callable[[str], bytes | None]) -> Stored:
    """Return what a folder with these names remembers; ``data_of`` gives a file's bytes, None for a missing one.

    1. The higher of the two copies counts; a lower, damaged or missing one is a problem.
    2. A file of the format before had no copy.
    3. With no whole copy, but with one that is damaged or a policy beside, the memory is rebuilt from the policies.
    """
    policy = max((int(found[1]) for found in map(_POLICY.fullmatch, names) if found), default=0)
    whole: dict[str, tuple[int, Memory]] = {}
    problems: dict[str, str] = {}
    missing = []
    for name in NAMES:
        data = data_of(name)
        if data is None:
            missing.append(name)
            continue
        try:
            whole[name] = _parse(data, name)
        except TrustError as error:
            problems[name] = error.what
    if not whole and (problems or policy):
        problems.update(dict.fromkeys(missing, _("missing")))
        return Stored(Memory(policy, {}, rebuilt=True), problems, garbage=len(missing) < len(NAMES))
    if missing == [NAME] or (missing == [COPY] and (NAME in problems or whole[NAME][0] != SINGLE)):
        problems[missing[0]] = _("missing")
    memories = [memory for _form, memory in whole.values()]
    highest = _highest(memories)
    for name, (_form, memory) in whole.items():
        if (memory.policy, memory.products) != (highest.policy, highest.products):
            problems[name] = _("older than the other copy")
    return Stored(highest, problems)


def _highest(memories: list[Memory]) -> Memory:
    products: dict[str, int] = {}
    for memory in memories:
        for name, counter in memory.products.items():
            products[name] = max(counter, products.get(name, 0))
    rebuilt = bool(memories) and all(memory.rebuilt for memory in memories)
    return Memory(max((memory.policy for memory in memories), default=0), dict(sorted(products.items())), rebuilt)


def read_folder(folder: Path) -> Stored:
    """Return what a folder of no special rights remembers."""

    def data_of(name: str) -> bytes | None:
        return read_small(folder / name) if is_there(folder / name) else None

    return read(names_in(folder) if is_there(folder) else [], data_of)


def remember(folder: Path, *, policy: int = 0, counters: Mapping[str, int] | None = None) -> Memory:
    """Raise what a folder remembers, and repair its copies; nothing in it ever becomes lower.

    Raises OSError where it cannot be written, HostError where it could not be read again: it stays as it is then.
    """
    with held(folder):
        return raise_to(folder, policy=policy, counters=counters)


def raise_to(folder: Path, *, policy: int = 0, counters: Mapping[str, int] | None = None) -> Memory:
    """Do the same for who holds the folder."""
    stored = read_folder(folder)
    return _write(folder, stored, _highest([stored.memory, Memory(policy, counters or {}, stored.memory.rebuilt)]))


def accept(folder: Path, counters: Mapping[str, int]) -> Memory:
    """Remember what this host shows, and that an administrator takes it for all that there was."""
    with held(folder):
        stored = read_folder(folder)
        return _write(folder, stored, replace(_highest([stored.memory, Memory(0, counters)]), rebuilt=False))


def _write(folder: Path, kept: Stored, memory: Memory) -> Memory:
    if memory == kept.memory and not kept.problems:
        return memory
    data = memory.to_bytes()
    if len(memory.products) > PRODUCTS_LIMIT or len(data) > FILE_LIMIT:  # by the bounds of its reader
        raise HostError(
            _("Too many products in {path}: {count}.").format(path=folder / NAME, count=len(memory.products)),
            advice=_("Remove from it the products that are no longer on this host."),
        )
    for name in NAMES:  # each is on the disk before the next is begun
        files.write_atomic(folder / name, data)
    return memory


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder of trust for a change, and remove what a killed one left."""
    with locked(folder / LOCK, wait=LOCK_WAIT):
        for path in _unfinished(folder):
            path.unlink()
        yield


def tidy(folder: Path) -> None:
    """Remove what a killed change left in a folder of trust, where this user may and nobody is at work."""
    with contextlib.suppress(OSError, HostError, BusyError):
        if _unfinished(folder) and is_free(folder / LOCK):
            with held(folder):
                pass


def _unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.glob(".*.tmp") if _UNFINISHED.fullmatch(path.name)]
