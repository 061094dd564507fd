"""The memory of a trust folder: its highest policy, and the highest release counter of each product.

It is stored next to the policy, so that a new prefix does not forget it, and in two copies, each with its digest: one
stays intact whatever happens to the other, and the higher one counts. If neither is intact, the policies and
installations of this host set a lower bound, until an administrator accepts it (``trust accept-memory``). Entries can
also name files of the trust folder by their SHA-256 (knowledge.py).
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
from shared.files.process_lock import is_free, locked
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

NAME, COPY, LOCK = "memory.json", "memory-copy.json", "lock"
NAMES = (NAME, COPY)  # in the order in which they are written
FORMAT = 2
SINGLE = 1  # the earlier format: one file, no digest
PRODUCTS_LIMIT = 10_000  # products; so many fit in FILE_LIMIT bytes
LOCK_WAIT = 10.0  # seconds; it is held for two small writes
_POLICY = re.compile(r"policy-(0|[1-9][0-9]{0,8})\.json")
_BY_DIGEST = re.compile(r"(?P<kind>[^/]+/.+)/(?P<sha256>[0-9a-f]{64})")
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")  # files.write_atomic


@dataclass(frozen=True)
class Memory:
    """The highest policy number, or 0 if there is none, and each product's highest counter.

    ``rebuilt``: both copies were lost, so the values may have been higher, and no administrator has accepted them yet.
    """

    policy: int = 0
    products: Mapping[str, int] = field(default_factory=dict)
    rebuilt: bool = False

    def to_bytes(self) -> bytes:
        facts = {"format": FORMAT, "policy": self.policy, "products": dict(self.products), "rebuilt": self.rebuilt}
        return strict.dumps({**facts, "sha256": sha256_bytes(strict.dumps(facts))})


@dataclass(frozen=True)
class Stored:
    """The combined content of the two files, and what is wrong with each.

    ``garbage`` is true if files exist but none is intact.
    """

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
    """Return the memory of a folder with these names; ``data_of`` returns a file's bytes, or None if it is missing.

    1. The higher of the two copies counts; a lower, damaged or missing one is a problem.
    2. A file of the earlier format had no copy.
    3. With no intact copy, but a damaged one or a policy in the folder, the memory is rebuilt from the policies.
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
    return Memory(max((memory.policy for memory in memories), default=0), _newest(products), rebuilt)


def _newest(products: Mapping[str, int]) -> dict[str, int]:
    """Return entries sorted by name; of those that name a file of the same kind by its digest, only the newest."""
    kinds = {name: found["kind"] for name, found in ((one, _BY_DIGEST.fullmatch(one)) for one in products) if found}
    newest: dict[str, int] = {}
    for name, kind in kinds.items():
        newest[kind] = max(products[name], newest.get(kind, 0))
    return {name: products[name] for name in sorted(products) if products[name] >= newest.get(kinds.get(name, ""), 0)}


def digests(memory: Memory, kind: str) -> dict[str, int]:
    """Return the SHA-256 of the newest file of a kind, with its number; more than one only if numbers are equal.

    They are recorded as entries ``KIND/SHA256``, which earlier versions of this tool read and write back.
    """
    found = {name: _BY_DIGEST.fullmatch(name) for name in memory.products}
    return {one["sha256"]: memory.products[name] for name, one in found.items() if one and one["kind"] == kind}


def read_folder(folder: Path) -> Stored:
    """Return the memory of a folder whose owner is not checked."""

    def data_of(name: str) -> bytes | None:
        return read_small(folder / name) if is_there(folder / name) else None

    return read(names_in(folder) if is_there(folder) else [], data_of)


def remember(folder: Path, *, policy: int = 0, counters: Mapping[str, int] | None = None) -> Memory:
    """Raise the values in a folder's memory, and repair its copies; no value ever becomes lower.

    Raises OSError if it cannot be written, HostError if it would be too large to be read again, BusyError if another
    run holds the folder; the memory then remains unchanged.
    """
    with held(folder):
        return raise_to(folder, policy=policy, counters=counters)


def begin(folder: Path) -> None:
    """Write an empty memory to a folder without one and without a policy, for a caller that holds it.

    A policy beside no memory would mean that the memory was lost.
    """
    if read_folder(folder) == Stored() and not any(is_there(folder / name) for name in NAMES):
        for name in NAMES:
            files.write_atomic(folder / name, Memory().to_bytes())


def raise_to(folder: Path, *, policy: int = 0, counters: Mapping[str, int] | None = None) -> Memory:
    """Do the same as ``remember``, for a caller that holds the folder."""
    stored = read_folder(folder)
    return _write(folder, stored, _highest([stored.memory, Memory(policy, counters or {}, stored.memory.rebuilt)]))


def accept(folder: Path, counters: Mapping[str, int]) -> Memory:
    """Record the counters found on this host, as accepted by an administrator."""
    with held(folder):
        stored = read_folder(folder)
        return _write(folder, stored, replace(_highest([stored.memory, Memory(0, counters)]), rebuilt=False))


def _write(folder: Path, kept: Stored, memory: Memory) -> Memory:
    if memory == kept.memory and not kept.problems:
        return memory
    data = memory.to_bytes()
    if len(memory.products) > PRODUCTS_LIMIT or len(data) > FILE_LIMIT:  # the limits of its reader
        raise HostError(
            _("Too many products in {path}: {count}.").format(path=folder / NAME, count=len(memory.products)),
            advice=_("Remove products that are no longer on this host from that file."),
        )
    for name in NAMES:  # each is on disk before the next one is begun
        files.write_atomic(folder / name, data)
    return memory


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a trust folder for a change, and remove the temporary files of a killed run."""
    with locked(folder / LOCK, wait=LOCK_WAIT):
        for path in _unfinished(folder):
            path.unlink()
        yield


def tidy(folder: Path) -> None:
    """Remove temporary files that a killed change left in a trust folder, if no change is running and this user may."""
    with contextlib.suppress(OSError, HostError, BusyError):
        if _unfinished(folder) and is_free(folder / LOCK):
            with held(folder):
                pass


def _unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.glob(".*.tmp") if _UNFINISHED.fullmatch(path.name)]
