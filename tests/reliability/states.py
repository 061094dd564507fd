"""Which states a disk may show after the power went, out of what it was told (blocks.py).

A disk keeps what was flushed. Of what it was told since, it may have any part, in any order: whole writes or
some of their sectors. A state is one such choice; those that give the same bytes count once.
"""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.reliability.blocks import Tape, Write

SECTOR = 512  # bytes, the least that any disk writes whole
BLOCK = 4096  # bytes, the least that newer disks write whole
CHUNK = 64 << 10  # bytes that are copied at once
PATIENCE = 40  # draws in a row that give nothing new, then an interval between two flushes has no more


class Piece(NamedTuple):
    """A part of a write: which event of the tape, from which byte of it to which."""

    event: int
    start: int
    end: int


@dataclass(frozen=True)
class State:
    """All events before ``flushed``, and of those between it and ``moment`` these pieces."""

    flushed: int
    moment: int
    stored: tuple[Piece, ...]


@dataclass
class Interval:
    """The events between two flushes, what the sectors that they write held before, and a digest of all sectors."""

    start: int
    end: int
    old: dict[int, bytes]
    digest: int
    misses: int = 0


def choose(tape: Tape, image: Path, most: int, seed: object, least: int = SECTOR) -> list[State]:
    """Return at most so many states that differ, of every interval between flushes, in their order on the tape.

    First nothing of an interval and all of it, then what a seed draws. No piece of ``least`` bytes is torn.
    """
    draw = random.Random(str(seed))
    found: dict[int, State] = {}
    open_ones = _intervals(tape, image)
    turn = 0
    while open_ones and len(found) < most:
        for interval in open_ones:
            state = _state(tape, interval, turn, draw, least)
            digest = _digest(tape, interval, state)
            known = found.get(digest)
            if known is None and len(found) < most:
                found[digest] = state
                interval.misses = 0
            else:
                interval.misses += 1
                if known is not None and known.moment < state.moment:
                    found[digest] = state  # the later moment asks for more
        open_ones = [interval for interval in open_ones if interval.misses < PATIENCE]
        turn += 1
    return sorted(found.values(), key=lambda state: (state.flushed, state.moment))


def _intervals(tape: Tape, image: Path) -> list[Interval]:
    """Return the intervals in which the operation ran, and one after it."""
    found: list[Any] = []
    digest, now = 0, {}
    with image.open("rb") as file:

        def before(sector: int) -> bytes:
            if sector not in now:
                file.seek(sector * SECTOR)
                now[sector] = file.read(SECTOR)
            return now[sector]

        start = tape.began
        for end in [*(n for n in range(start, len(tape.events)) if tape.events[n] is None), len(tape.events)]:
            writes = [tape.events[n] for n in range(start, end)]
            old = {sector: before(sector) for write in writes for sector, _data in _sectors(write)}
            if old or not found or start <= tape.ended <= end:
                found.append(Interval(start, end, old, digest))
            for write in writes:
                for sector, data in _sectors(write):
                    digest ^= _mark(sector, now[sector]) ^ _mark(sector, data)
                    now[sector] = data
            start = end + 1
    return found


def _sectors(write: Write, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Give the sectors of a part of a write."""
    for at in range(start, len(write.data) if end is None else end, SECTOR):
        yield (write.offset + at) // SECTOR, write.data[at : at + SECTOR]


def _mark(sector: int, data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=16, salt=sector.to_bytes(8, "big")).digest(), "big")


def _digest(tape: Tape, interval: Interval, state: State) -> int:
    """Return the digest of the sectors of the whole disk in a state."""
    new: dict[Any, Any] = {}
    for piece in state.stored:
        new.update(_sectors(tape.events[piece.event], piece.start, piece.end))
    digest = interval.digest
    for sector, data in new.items():
        digest ^= _mark(sector, interval.old[sector]) ^ _mark(sector, data)
    return digest


def _state(tape: Tape, interval: Interval, turn: int, draw: random.Random, least: int) -> State:
    moment, unit, keep = interval.end, None, []
    if turn > 1:
        if draw.random() < 0.5 and interval.end > interval.start:
            moment = draw.randint(interval.start + 1, interval.end)
        unit = draw.choice((None, BLOCK, least))
    pieces = _pieces(tape, range(interval.start, moment), unit)
    if turn == 1:
        keep = pieces
    elif turn > 1 and pieces:
        keep = _draw(pieces, draw)
    return State(interval.start, moment, tuple(keep))


def _draw(pieces: Sequence[Piece], draw: random.Random) -> list[Piece]:
    """Keep some pieces: all but one, one, up to one, or each with the same chance."""
    one = draw.randrange(len(pieces))
    how = draw.randrange(5)
    if how == 0:
        return [*pieces[:one], *pieces[one + 1 :]]
    if how == 1:
        return [pieces[one]]
    if how == 2:
        return list(pieces[:one])
    chance = draw.choice((0.1, 0.5, 0.5, 0.9))
    return [piece for piece in pieces if draw.random() < chance]


def _pieces(tape: Tape, events: range, unit: int | None) -> list[Piece]:
    """Return the writes among events, torn into units that a disk writes whole, or whole."""
    found = []
    for number in events:
        size = len(tape.events[number].data)
        step = unit or size
        found += [Piece(number, start, min(start + step, size)) for start in range(0, size, step)]
    return found


class Player:
    """Builds the images of states, quickest in the order of the tape: on a copy of the image before all of it."""

    def __init__(self, image: Path, tape: Tape) -> None:
        self.image, self.tape = image, tape
        self.stable, self.work = (image.with_name(f"{image.name}.{name}") for name in ("stable", "work"))
        self.reached: int | None = None

    def build(self, state: State) -> Path:
        """Return the image of a state; it is the caller's to change until the next one is built."""
        if self.reached is None or self.reached > state.flushed:
            copy(self.image, self.stable)
            self.reached = 0
        events = self.tape.events
        with self.stable.open("r+b") as file:
            for event in filter(None, events[self.reached : state.flushed]):
                os.pwrite(file.fileno(), event.data, event.offset)
        self.reached = state.flushed
        copy(self.stable, self.work)
        with self.work.open("r+b") as file:
            for piece in state.stored:
                write = events[piece.event]
                os.pwrite(file.fileno(), write.data[piece.start : piece.end], write.offset + piece.start)
        return self.work


def copy(source: Path, target: Path) -> None:
    """Copy a file, with holes for what is zeros."""
    with source.open("rb") as old, target.open("wb") as new:
        size = os.fstat(old.fileno()).st_size
        new.truncate(size)
        at = 0
        while at < size:
            try:
                start = os.lseek(old.fileno(), at, os.SEEK_DATA)
            except OSError:
                return  # a hole to the end
            at = os.lseek(old.fileno(), start, os.SEEK_HOLE)
            for offset in range(start, at, CHUNK):
                data = os.pread(old.fileno(), min(CHUNK, at - offset), offset)
                if data.count(0) != len(data):
                    os.pwrite(new.fileno(), data, offset)
