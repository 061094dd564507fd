from __future__ import annotations

import sys

import pytest

from shared.processes.cgroups import memory_limit, processor_limit
from tests.control_groups import control_groups
from tests.validator.checking import look
from validator.check import PASS, SKIP, WARN
from validator.checks.system import limits as system_limits
from validator.checks.system.limits import Limits


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A host with control groups: ``groups(own, {path: text})``."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(system_limits, "files_limit", lambda: 4096)
    monkeypatch.setattr(system_limits, "address_limit", lambda: None)
    monkeypatch.setattr(system_limits, "MARKS", {tmp_path / ".dockerenv": "docker"})
    monkeypatch.setattr(system_limits, "CONTAINER", tmp_path / "container")
    monkeypatch.setattr(system_limits, "VENDOR", tmp_path / "sys_vendor")

    return control_groups(tmp_path, monkeypatch)


def test_no_limits(groups) -> None:
    groups("0::/a\n", {"a/memory.max": "max\n", "a/cpu.max": "max 100000\n"})
    assert (memory_limit(), processor_limit()) == (None, None)
    assert look(Limits, None).status == PASS


def test_the_smallest_of_the_groups_above_counts(groups) -> None:
    groups("0::/a/b\n", {"a/memory.max": "1000\n", "a/b/memory.max": "2000\n", "a/cpu.max": "150000 100000\n"})
    assert (memory_limit(), processor_limit()) == (1000, 1.5)
    result = look(Limits, None)
    assert (result.status, "memory" in result.details) == (WARN, True)


def test_less_than_one_processor_and_few_files(groups, monkeypatch) -> None:
    groups("0::/\n", {"cpu.max": "50000 100000\n"})
    assert "0.5" in look(Limits, None).details
    monkeypatch.setattr(system_limits, "files_limit", lambda: 256)
    result = look(Limits, None)
    assert (result.status, "256" in result.details) == (WARN, True)


def test_the_old_kind_limits_processors_too(groups) -> None:
    groups("4:cpu,cpuacct:/d\n", {"cpu/d/cpu.cfs_quota_us": "150000\n", "cpu/d/cpu.cfs_period_us": "100000\n"})
    assert processor_limit() == 1.5
    groups("4:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_quota_us": "-1\n"})
    assert processor_limit() is None


def test_few_processes_and_little_address_space(groups, monkeypatch) -> None:
    groups("0::/a\n", {"a/pids.max": "20\n"})
    result = look(Limits, None)
    assert (result.status, "20" in result.details) == (WARN, True)
    groups("0::/b\n", {"b/pids.max": "max\n"})
    monkeypatch.setattr(system_limits, "address_limit", lambda: 1 << 20)
    result = look(Limits, None)
    assert (result.status, "address space" in result.details) == (WARN, True)


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        (".dockerenv", "", "container (docker)"),
        ("container", "lxc\n", "container (lxc)"),
        ("sys_vendor", "QEMU\n", "virtual machine (QEMU)"),
        ("sys_vendor", "Some Maker\n", ""),
    ],
)
def test_containers_and_virtual_machines_are_named(groups, tmp_path, name, text, shown) -> None:
    groups("0::/\n", {})
    (tmp_path / name).write_text(text)
    result = look(Limits, None)
    assert (result.status, shown in result.details, "machine" in result.details) == (PASS, True, "machine" in shown)


def test_other_systems_have_none(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert look(Limits, None).status == SKIP
