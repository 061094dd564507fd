"""Looks at states that a disk may show after a crash: ``python -m tests.reliability.crash_states --help``.

An operation runs once on a disk that remembers (blocks.py). States of that disk (states.py) are mounted, which
lets the filesystem recover, and judged as after a power cut (invariants.py). What gives the same files was judged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.errors import RagtraceError
from shared.files import files
from shared.processes import process
from shared.terminal.console import show, show_lines
from tests.hosts import needs
from tests.reliability import blocks, invariants, matrix, mounts, states, victim
from tests.reliability import world as worlds

# have a way back
MADE_FROM_IT = (worlds.UPGRADE, worlds.ROLLBACK, worlds.MIGRATE, worlds.RETURN, worlds.RECOVER, worlds.MENDING)


@dataclass(frozen=True)
class Filesystem:
    """How a filesystem is made and mounted."""

    kind: str
    mkfs: tuple[str, ...]
    package: str
    size: int  # bytes; as small as mkfs and preflight allow
    options: str
    unit: int = states.BLOCK  # bytes, the least that it counts on being written whole
    repair: tuple[str, ...] = ()  # what an operator runs when it is not mounted

    def make(self, image):
        """Make an empty one. Raises Unavailable."""
        with image.open("wb") as file:
            file.truncate(self.size)
        mkfs = needs.program(f"mkfs.{self.kind}", package=self.package)
        done = process.run([mkfs, *self.mkfs, str(image)], timeout=60)
        assert done.ok, done
        states.copy(image, image.with_name("dug"))
        image.with_name("dug").replace(image)


EXT4 = "ext4", ("-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,nodiscard"), "e2fsprogs", 192 << 20
FSCK = ("e2fsck", "-y")  # the superblock, 1,024 bytes, is written in place: torn between its sectors it is refused
FILESYSTEMS = {
    # nothing is written on its own, and a rename does not write what it names (power.py)
    "ext4": Filesystem(*EXT4, "noauto_da_alloc,commit=300", states.SECTOR, FSCK),
    "ext4-default": Filesystem(*EXT4, "auto_da_alloc", states.SECTOR, FSCK),
    "xfs": Filesystem("xfs", ("-q", "-f", "-K"), "xfsprogs", 300 << 20, "nouuid"),
    "btrfs": Filesystem("btrfs", ("-q", "-f", "-K"), "btrfs-progs", 256 << 20, "commit=300"),
}


@dataclass(frozen=True)
class Batch:
    """One recording of an operation, and how many states of it are looked at; the number is the seed."""

    filesystem: str
    operation: str
    number: int
    states: int
    no_sync: bool = False


@dataclass
class Result:
    """How many states were mounted, gave different trees, and had to be repaired before; and what broke."""

    batch: Batch
    states: int = 0
    trees: int = 0
    repaired: int = 0
    seconds: float = 0
    broken: list = field(default_factory=list)
    unavailable: str = ""


class Scene:
    """An operation on a disk: recorded, and looked at in its states. Its paths stay the same throughout."""

    def __init__(self, batch, world, folder):
        self.batch, self.world = batch, world
        self.filesystem = FILESYSTEMS[batch.filesystem]
        self.image, self.device, self.mounted = (folder / name for name in ("image", "device", "mounted"))
        self.mounted.mkdir()
        self.place = self.mounted / "place"
        self.judged, self.repaired = {}, 0

    def record(self):
        """Run the operation and keep what the disk was told."""
        self.filesystem.make(self.image)
        self._mount(self.image)
        self.prefix = self.world.start(self.batch.operation, self.place)
        (self.place / "trust").mkdir()
        self.before = invariants.Before.of(self.batch.operation, self.prefix, self.world)
        mounts.unmount(self.mounted)
        reported = self.image.with_name("told")
        states.copy(self.image, reported)
        with blocks.recorded(reported, self.device) as tape:
            self._mount(self.device)
            try:
                self._operate(tape)
            finally:
                mounts.unmount(self.mounted)
        self.tape = tape

    def _operate(self, tape):
        files.sync_filesystem(self.mounted)
        tape.began = len(tape.events)
        spec = {"trust": str(self.place / "trust"), "programs": {}, "no_sync": self.batch.no_sync}
        ended = worlds.hurt(self.world.argv(self.batch.operation, self.prefix.root), spec)
        tape.ended = len(tape.events)
        assert ended.ok, ended
        active = self.prefix.active() if self.prefix.root.exists() else None
        self.after = active.id if active else None
        files.sync_filesystem(self.mounted)  # what was not yet told to the disk comes after the end

    def _mount(self, image):
        if refused := self._refused(image):
            raise needs.Unavailable(f"{self.batch.filesystem} cannot be mounted: {refused}", installable=False)

    def _refused(self, image):
        return mounts.mount_image(image, self.mounted, self.filesystem.kind, self.filesystem.options)

    def inspect(self, image, *, done):
        """Return what is broken in an image, "" for nothing; ``done``: the operation had ended."""
        if (refused := self._refused(image)) and self.filesystem.repair:
            self.repaired += 1
            process.run([*self.filesystem.repair, str(image)], timeout=60)
            refused = self._refused(image)
        if refused:
            return f"not mounted: {refused}"
        try:
            try:
                read_ahead(self.place)
                tree = invariants.tree(self.place, skip=())
            except OSError as error:
                return f"not readable: {error}"
            key = done, hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).digest()
            if key not in self.judged:
                self.judged[key] = self._judge(done=done)
            return self.judged[key]
        finally:
            mounts.unmount(self.mounted)

    def _judge(self, *, done):
        try:
            check(self.prefix, self.before, len(self.judged), self.world, (self.after,) if done else None)
        except (AssertionError, RagtraceError, OSError):
            return traceback.format_exc(limit=-3)
        return ""


def read_ahead(root):
    """Let the kernel read all files of a tree at once, not each when it is asked for."""
    for folder, _folders, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            if not os.path.islink(path):
                handle = os.open(path, os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
                os.close(handle)


def check(prefix, before, number, world, after):
    """Raise unless a state is one that a crash may leave; ``after`` holds what is active once the operation ended."""
    if prefix.root.exists():
        invariants.check_whole(prefix, before)
    if after is not None:
        active = prefix.active() if prefix.root.exists() else None
        assert (active.id if active else None) == after[0], "what was reported as done is lost"
        if before.operation == worlds.RESTORE:
            assert worlds.users(prefix) == before.end
    invariants.check_after(prefix, before, number, world)
    if before.operation in MADE_FROM_IT:
        check_way_back(prefix, before)


def check_way_back(prefix, before):
    """Raise unless every release that was there is still whole, but for one that was damaged and is made anew."""
    stored = {release.id: release for release in prefix.complete_releases()}
    damaged = damaged_before(before)
    gone = before.releases - set(stored)
    assert gone <= damaged, gone
    for name in before.releases & set(stored):
        invariants.check_release(stored[name], damaged=name in damaged)


def damaged_before(before):
    """Return the releases that an operation starts from damaged, and makes anew."""
    return {
        worlds.RECOVER: {before.active},
        worlds.MENDING: before.releases - {before.active},
    }.get(before.operation, set())


def look_at(batch, world, folder, stop):
    """Record and look at the states of a batch; with ``stop`` only until one is broken."""
    began, result = time.monotonic(), Result(batch)
    with tempfile.TemporaryDirectory(prefix="scene-", dir=folder) as name:
        scene = Scene(batch, world, Path(name))
        try:
            scene.record()
        except needs.Unavailable as need:
            result.unavailable = str(need)
            return result
        victim.own_places(scene.place / "trust")
        player = states.Player(scene.image, scene.tape)
        for state in states.choose(scene.tape, scene.image, batch.states, batch, scene.filesystem.unit):
            why = scene.inspect(player.build(state), done=state.moment >= scene.tape.ended)
            result.states += 1
            if why:
                result.broken.append({"events": len(scene.tape.events), **asdict(state), "why": why})
                if stop:
                    break
    result.trees, result.repaired = len(scene.judged), scene.repaired
    result.seconds = round(time.monotonic() - began, 1)
    return result


def run(batches, world, folder, report=lambda _result: None, *, stop=False):
    """Look at batches side by side, each worker with mounts that end with it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(matrix.WORKERS, mp_context=context, initializer=mounts.keep_to_ourselves) as pool:
        results = []
        for future in [pool.submit(look_at, batch, world, folder, stop) for batch in batches]:
            results.append(future.result())
            report(results[-1])
    return results


def batches(most, each, filesystems=tuple(FILESYSTEMS), operations=worlds.OPERATIONS):
    """Return batches of so many states in all, which take filesystems and operations in turn."""
    pairs = [(filesystem, operation) for operation in operations for filesystem in filesystems]
    count = -(-most // each)
    return [Batch(*pairs[n % len(pairs)], n // len(pairs), min(each, most - n * each)) for n in range(count)]


def table(rows):
    """Return how many states of each filesystem were looked at."""
    lines = [f"{'filesystem':<12} {'states':>7} {'trees':>6} {'repaired':>8} {'broken':>6}"]
    for name in FILESYSTEMS:
        mine = [row for row in rows if row["filesystem"] == name]
        counts = [sum(row[key] for row in mine) for key in ("states", "trees", "repaired", "broken")]
        lines.append(f"{name:<12} {counts[0]:>7} {counts[1]:>6} {counts[2]:>8} {counts[3]:>6}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=20_000)
    parser.add_argument("--each", type=int, default=250, help="states of one recording")
    parser.add_argument("--filesystem", action="append", choices=FILESYSTEMS)
    parser.add_argument("--operation", action="append", choices=worlds.OPERATIONS)
    parser.add_argument(
        "--log", type=Path, help="a line of JSON for each recording; those that are in it are not done again"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # which removes the scratch folder
    began = time.monotonic()
    wanted = batches(
        options.states, options.each, options.filesystem or tuple(FILESYSTEMS), options.operation or worlds.OPERATIONS
    )
    rows = read_log(options.log)
    done = {name_of(row) for row in rows}
    todo = [batch for batch in wanted if name_of(asdict(batch)) not in done]
    show(f"{len(wanted)} recordings, {len(wanted) - len(todo)} done before")
    with matrix.scratch() as folder:
        world = worlds.make(folder / "world")
        run(todo, world, folder, lambda result: rows.append(note(result, options.log)))
    rows = [row for row in rows if name_of(row) in {name_of(asdict(batch)) for batch in wanted}]
    show_lines(table(rows))
    broken = sum(row["broken"] for row in rows)
    show(f"{sum(row['states'] for row in rows)} states, {broken} broken in {time.monotonic() - began:.0f} s")
    return 1 if broken or any(row["unavailable"] for row in rows) else 0


def name_of(row):
    return row["filesystem"], row["operation"], row["number"]


def read_log(path):
    """Return the rows of a log that are done and well."""
    if path is None or not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if not row["broken"] and not row["unavailable"]]


def note(result, path):
    for broken in result.broken:
        show(json.dumps({**asdict(result.batch), **broken}, indent=1))
    row = {**asdict(result), **asdict(result.batch), "states": result.states, "broken": len(result.broken)}
    del row["batch"]
    if row["unavailable"]:
        show(row["unavailable"])
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
    return row


if __name__ == "__main__":
    sys.exit(main())
