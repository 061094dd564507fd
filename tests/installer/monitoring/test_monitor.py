from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace

import psutil
import pytest

from installer.layout.prefix import Prefix
from installer.monitoring import monitor
from installer.monitoring.monitor import HostUse, ProcessUse, Sample, Sampler
from shared.errors import HostError
from shared.terminal.exposition import render
from tests import metrics

SAMPLE = Sample(
    time="2026-01-31T12:00:00Z",
    seconds=5.0,
    product="demo-app",
    release="1-0123456789ab-r1",
    prefix="/opt/app",
    host=HostUse(25.0, 8_000, 6_000, 100, None),
    processes=(
        ProcessUse(7, "python", "2026-01-31T11:00:00Z", 150.0, 1000, 3, 10, 20),
        ProcessUse(8, "worker", "2026-01-31T11:00:00Z", 0.5, 500, 1, 1, None),
    ),
)
WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_processor_time_is_that_since_the_last_sample(prefix) -> None:
    python = str(prefix.active().python)
    busy = subprocess.Popen([python, "-c", "while True: pass"])
    try:
        sampler = Sampler(prefix)
        process = psutil.Process(busy.pid)
        before = process.cpu_times().user
        while process.cpu_times().user - before < 0.3:
            pass
        sample = sampler.take()
        (use,) = [use for use in sample.processes if use.pid == busy.pid]
        spent = use.cpu_percent / 100 * sample.seconds
        assert 0.25 <= spent <= process.cpu_times().user + process.cpu_times().system - before + 0.1
        os.kill(busy.pid, 19)  # SIGSTOP: from here on it spends nothing
        sampler.take()
        (use,) = [use for use in sampler.take().processes if use.pid == busy.pid]
        assert use.cpu_percent == 0
    finally:
        busy.kill()
        busy.wait()


def test_one_that_ends_meanwhile_is_left_out(prefix, monkeypatch) -> None:
    gone = psutil.Process()
    monkeypatch.setattr(Sampler, "own_processes", lambda _self: [gone])
    sampler = Sampler(prefix)

    def ended(*_args):
        raise psutil.NoSuchProcess(1)

    monkeypatch.setattr(psutil.Process, "num_threads", ended)
    assert sampler.take().processes == ()


def test_what_another_users_process_hides_is_unknown_and_not_zero(prefix, monkeypatch) -> None:
    def denied(*_args):
        raise psutil.AccessDenied(1)

    monkeypatch.setattr(Sampler, "own_processes", lambda _self: [psutil.Process()])
    monkeypatch.setattr(psutil.Process, "io_counters", denied)
    sample = Sampler(prefix).take()
    assert (sample.processes[0].read, sample.processes[0].written) == (None, None)
    assert sample.to_json()["application"]["written"] is None


def test_a_prefix_that_is_removed_meanwhile_has_no_disk(prefix, tmp_path) -> None:
    sampler = Sampler(prefix)
    prefix.root.rename(tmp_path / "elsewhere")
    sample = sampler.take()
    assert (sample.release, sample.product, sample.host.disk_free) == (None, None, None)
    assert sample.host.memory_total > 0


def test_command_lines_are_not_written(prefix, start) -> None:
    start(str(prefix.active().python), "-c", WAIT, "--token=s3cret")
    assert "s3cret" not in str(Sampler(prefix).take().to_json())


def waits(**options) -> list[float]:
    """Return how long was waited before each sample, on a clock that only waiting moves."""
    waited: list[float] = []
    clock = [0.0]

    def wait(seconds: float) -> bool:
        waited.append(round(seconds, 3))
        clock[0] += seconds
        return len(waited) == 10

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: clock[0])
        patch.setattr(Sampler, "__init__", lambda self, prefix: None)
        patch.setattr(Sampler, "take", lambda self: SAMPLE)
        assert all(sample is SAMPLE for sample in monitor.samples(Prefix(None), wait=wait, **options))
    return waited


def test_a_count_or_a_duration_ends_it_and_without_them_it_goes_on() -> None:
    assert waits(interval=5, count=3) == [1, 5, 5]
    assert waits(interval=5, duration=11) == [1, 5, 5]
    assert waits(interval=0.5, count=2) == [0.5, 0.5]
    assert waits(interval=0.5) == [0.5] * 10


def test_sums_of_all_processes() -> None:
    value = SAMPLE.to_json()
    assert value["application"] == {
        "processes": 2, "threads": 4, "cpu_percent": 150.5, "resident": 1500, "read": 11, "written": None
    }  # fmt: skip


def test_metrics() -> None:
    found = metrics.parse(render(monitor.families(SAMPLE)))
    assert metrics.value(found, "ragtrace_application_cpu_ratio", product="demo-app") == 1.505
    assert metrics.value(found, "ragtrace_application_resident_bytes", prefix="/opt/app") == 1500
    assert metrics.value(found, "ragtrace_host_cpu_ratio") == 0.25
    assert metrics.value(found, "ragtrace_monitor_release_info", release="1-0123456789ab-r1") == 1
    names = {name for name, _labels in found}
    assert not names & {"ragtrace_disk_free_bytes", "ragtrace_application_written_bytes"}  # unknown, not 0


def test_metrics_share_no_series_with_those_of_a_report() -> None:
    from tests.validator.render.test_text import report
    from validator.render.prometheus import families

    ours = {family.name for family in monitor.families(replace(SAMPLE, product=None))}
    assert not ours & {family.name for family in families(report())}


def test_a_host_that_does_not_tell_is_named(prefix, monkeypatch) -> None:
    def pids() -> None:
        raise IndexError("list index out of range")  # as psutil does where /proc is empty

    monkeypatch.setattr(psutil, "process_iter", pids)
    with pytest.raises(HostError, match="Resource usage of this host is not available: list index out of range"):
        next(monitor.samples(prefix, count=1))
