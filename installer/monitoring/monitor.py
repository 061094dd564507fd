"""Resource usage of the application: samples of processor, memory, disk and its processes.

Command lines are not recorded, because they may contain secrets.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import psutil

from bundle.strict import time_to_json
from installer.layout import processes
from shared.errors import HostError, RagtraceError
from shared.i18n import _
from shared.terminal.exposition import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release

FORMAT = 1
LEAST_INTERVAL = 0.1  # seconds; reading all processes of a busy host takes some 20 ms
FIRST = 1.0  # seconds, at most, until the first sample


@dataclass(frozen=True)
class HostUse:
    """Resource usage of the whole host: sizes in bytes, None if unknown; the disk is the prefix's."""

    cpu_percent: float
    memory_total: int
    memory_available: int
    disk_total: int | None
    disk_free: int | None


@dataclass(frozen=True)
class ProcessUse:
    """Resource usage of one process: 100% is one core; sizes in bytes, None if this user may not read them."""

    pid: int
    name: str
    started: str
    cpu_percent: float
    resident: int
    threads: int
    read: int | None
    written: int | None


@dataclass(frozen=True)
class Sample:
    """Resource usage at one moment; percentages are of the ``seconds`` before it."""

    time: str
    seconds: float
    product: str | None
    release: str | None
    prefix: str
    host: HostUse
    processes: tuple[ProcessUse, ...]

    @property
    def cpu_percent(self) -> float:
        """Processor usage of the application; 100% is one core."""
        return round(sum(process.cpu_percent for process in self.processes), 1)

    @property
    def resident(self) -> int:
        """Memory of all of the application's processes, in bytes; memory that several share counts for each."""
        return sum(process.resident for process in self.processes)

    def to_json(self) -> dict[str, Any]:
        application = {
            "processes": len(self.processes),
            "threads": sum(process.threads for process in self.processes),
            "cpu_percent": self.cpu_percent,
            "resident": self.resident,
            "read": _sum(process.read for process in self.processes),
            "written": _sum(process.written for process in self.processes),
        }
        value = asdict(self)
        processes = list(value.pop("processes"))
        return {"format": FORMAT, **value, "application": application, "processes": processes}


def _sum(values: Iterable[int | None]) -> int | None:
    """Return the sum of the values, or None if one of them is unknown."""
    known = list(values)
    return None if None in known else sum(value or 0 for value in known)


class Sampler:
    """Takes samples of one prefix; processor time is counted from one sample to the next."""

    def __init__(self, prefix: Prefix) -> None:
        self.prefix = prefix
        self.roots = processes.roots_of(prefix)
        self.product: tuple[str | None, str | None] = None, None  # the release's identifier, and the product's name
        self.taken = time.monotonic()
        self.spent = {_key(process): _cpu_seconds(process) for process in self.own_processes()}
        psutil.cpu_percent(None)  # starts counting

    def take(self) -> Sample:
        """Take a sample."""
        now = time.monotonic()
        passed, self.taken = max(1e-3, now - self.taken), now
        spent: dict[tuple[int, float], float] = {}
        uses = []
        for process in self.own_processes():
            use = self._use(process, passed, spent)
            if use is not None:
                uses.append(use)
        self.spent = spent
        release = self.prefix.active()
        return Sample(
            time=time_to_json(datetime.now(timezone.utc)),
            seconds=round(passed, 3),
            product=self._product_of(release),
            release=release.id if release else None,
            prefix=str(self.prefix.root),
            host=_host_use(self.prefix),
            processes=tuple(sorted(uses, key=lambda use: (-use.cpu_percent, use.pid))),
        )

    def own_processes(self) -> list[psutil.Process]:
        """Return the application's processes."""
        return processes.of_application(self.roots)

    def _product_of(self, release: Release | None) -> str | None:
        """Return the product's name, or None; it is read once per release, because the manifest is large."""
        identifier = release.id if release else None
        if release is not None and self.product[0] != identifier:
            try:
                self.product = identifier, release.manifest().product.name
            except (RagtraceError, OSError):
                self.product = identifier, None
        return self.product[1]

    def _use(self, process: psutil.Process, passed: float, spent: dict[tuple[int, float], float]) -> ProcessUse | None:
        try:
            with process.oneshot():
                key, cpu = _key(process), _cpu_seconds(process)
                # a process started after the last sample has used all of its processor time since then
                used = max(0.0, cpu - self.spent.get(key, 0.0))
                spent[key] = cpu
                return ProcessUse(
                    pid=process.pid,
                    name=process.name(),
                    started=time_to_json(datetime.fromtimestamp(process.create_time(), timezone.utc)),
                    cpu_percent=round(100 * used / passed, 1),
                    resident=process.memory_info().rss,
                    threads=process.num_threads(),
                    **_traffic(process),
                )
        except (psutil.Error, OSError):
            return None  # it ended meanwhile


def _key(process: psutil.Process) -> tuple[int, float]:
    return process.pid, process.create_time()


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except (psutil.Error, OSError):
        return 0.0
    return float(times.user + times.system)


def _traffic(process: psutil.Process) -> dict[str, int | None]:
    """Return how many bytes a process has read and written, each None for another user's process or on macOS."""
    try:
        counters = process.io_counters()
    except (psutil.Error, OSError, AttributeError):
        return {"read": None, "written": None}
    return {"read": counters.read_bytes, "written": counters.write_bytes}


def _host_use(prefix: Prefix) -> HostUse:
    memory = psutil.virtual_memory()
    try:
        disk = psutil.disk_usage(str(prefix.root))
    except OSError:
        disk = None  # the prefix was removed
    return HostUse(
        cpu_percent=psutil.cpu_percent(None),
        memory_total=memory.total,
        memory_available=memory.available,
        disk_total=disk.total if disk else None,
        disk_free=disk.free if disk else None,
    )


def samples(
    prefix: Prefix,
    *,
    interval: float = 5.0,
    count: int | None = None,
    duration: float | None = None,
    wait: Callable[[float], bool | None] = time.sleep,
) -> Iterator[Sample]:
    """Yield a sample every ``interval`` seconds, ``count`` of them or for ``duration`` seconds, else indefinitely.

    The first follows after FIRST seconds, or ``interval`` if that is shorter, so that output appears soon. The
    iteration ends if ``wait`` returns True.
    """
    sampler = _asked(lambda: Sampler(prefix))
    started = due = time.monotonic()
    taken = 0
    while count is None or taken < count:
        due += min(interval, FIRST) if not taken else interval
        if duration is not None and due - started > duration:
            return
        if wait(max(0.0, due - time.monotonic())):
            return
        due = max(due, time.monotonic() - interval)  # samples missed while the host slept are skipped
        yield _asked(sampler.take)
        taken += 1


def _asked(look: Callable[[], Any]) -> Any:
    """Return the result of a psutil call. Raises HostError if it fails.

    psutil has no exception of its own for a /proc that is missing or empty.
    """
    try:
        return look()
    except (psutil.Error, OSError, IndexError, KeyError, ValueError) as error:
        raise HostError(
            _("Resource usage of this host is not available: {reason}.").format(reason=error),
            advice=_("Ask an administrator to mount /proc, or run the command outside the sandbox."),
        ) from error


def families(sample: Sample) -> Iterator[Family]:
    """Yield a sample as metrics; individual processes are omitted, because they come and go."""
    about = {"product": sample.product or "", "prefix": sample.prefix}
    host, application = sample.host, sample.to_json()["application"]
    seen = datetime.fromisoformat(sample.time.replace("Z", "+00:00")).timestamp()

    def gauge(name: str, text: str, value: float | None, **labels: str) -> Family:
        return Family(f"ragtrace_{name}", text, () if value is None else (({**about, **labels}, value),))

    yield gauge("monitor_timestamp_seconds", "When the sample was taken, in seconds since 1970.", seen)
    yield gauge("monitor_release_info", "Which release is active; always 1.", 1, release=sample.release or "")
    yield gauge("host_cpu_ratio", "Share of all processors in use.", round(host.cpu_percent / 100, 4))
    yield gauge("host_memory_size_bytes", "Memory of the host.", host.memory_total)
    yield gauge("host_memory_available_bytes", "Memory available to programs.", host.memory_available)
    yield gauge("disk_size_bytes", "Size of the filesystem of the prefix.", host.disk_total)
    yield gauge("disk_free_bytes", "Free space on the filesystem of the prefix.", host.disk_free)
    yield gauge("application_processes", "Processes of the application.", application["processes"])
    yield gauge("application_threads", "Threads of the application.", application["threads"])
    yield gauge("application_cpu_ratio", "Processor use of the application; 1 is one core.", sample.cpu_percent / 100)
    yield gauge(
        "application_resident_bytes",
        "Memory of the application; shared memory counts once per process.",
        sample.resident,
    )
    yield gauge(
        "application_read_bytes", "Bytes read by the running processes of the application.", application["read"]
    )
    yield gauge(
        "application_written_bytes",
        "Bytes written by the running processes of the application.",
        application["written"],
    )
