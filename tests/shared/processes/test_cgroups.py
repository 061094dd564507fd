from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from shared.processes import cgroups
from shared.processes.cgroups import memory_left, memory_limit
from tests.control_groups import control_groups


@pytest.fixture
def groups(tmp_path, monkeypatch):
    return control_groups(tmp_path, monkeypatch)


def test_groups_of_the_old_kind(groups) -> None:
    groups("4:cpu,memory:/d\n1:name=x:/\n", {"memory/d/memory.limit_in_bytes": "4096\n"})
    assert (memory_limit(), memory_left()) == (4096, None)
    groups("4:memory:/d\n", {"memory/d/memory.limit_in_bytes": "9223372036854771712\n"})
    assert memory_limit() is None


def test_what_is_left_in_groups_of_the_old_kind(groups) -> None:
    groups("4:memory:/d\n", {"memory/d/memory.limit_in_bytes": "4096\n", "memory/d/memory.usage_in_bytes": "96\n"})
    assert memory_left() == 4000


@pytest.mark.parametrize(
    ("settings", "free", "expected"),
    [
        ({}, 8 << 30, True),
        ({}, 1 << 30, False),
        ({"a/memory.max": f"{8 << 30}\n", "a/memory.current": f"{3 << 30}\n"}, 64 << 30, True),
        ({"a/memory.max": f"{6 << 30}\n", "a/memory.current": f"{3 << 30}\n"}, 64 << 30, False),
        ({"a/cpu.max": "100000 100000\n"}, 8 << 30, False),
        ({"a/pids.max": "600\n", "a/pids.current": "200\n"}, 8 << 30, False),
        ({"memory.max": f"{6 << 30}\n", "memory.current": f"{5 << 30}\n", "a/memory.max": "max\n"}, 64 << 30, False),
        ({}, None, False),
    ],
)
def test_room_for_two_processes(groups, monkeypatch, settings, free, expected) -> None:
    groups("0::/a\n", settings)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})

    def memory():
        if free is None:
            raise FileNotFoundError(2, "No such file or directory", "/proc/meminfo")  # a chroot without it
        return SimpleNamespace(available=free)

    monkeypatch.setattr("psutil.virtual_memory", memory)
    assert cgroups.has_room(2, 4 << 30) is expected
