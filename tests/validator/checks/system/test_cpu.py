from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest

from bundle.target import host_target
from installer.hardware import processor
from installer.install import requirements
from shared.processes import process
from tests.installed import BASE, LIB, make_prefix
from tests.validator.checking import look
from tests.wheels import Wheel
from validator.check import FAIL, PASS, SKIP
from validator.checks.system.cpu import Processor


@pytest.fixture
def intel(tmp_path, monkeypatch):
    monkeypatch.setattr(requirements, "INTEL", (host_target().architecture,))
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    return tmp_path / "cpuinfo"


TORCH = Wheel("torch", "2.0.0", {"torch.py": ""})


def test_without_packages_that_ask_any_processor_will_do(prefix, intel) -> None:
    intel.write_text("flags\t: sse2\n")
    result = look(Processor, prefix)
    assert result.status == PASS
    assert "processors can be used" in result.details


@pytest.mark.parametrize(
    ("flags", "status"),
    [("sse2 avx2", PASS), ("sse2 avx", FAIL), (None, SKIP)],
)
def test_torch_needs_avx2(tmp_path, intel, flags, status) -> None:
    if flags:
        intel.write_text(f"flags\t: {flags}\n\nflags\t: avx2 {flags}\n")
    result = look(Processor, make_prefix(tmp_path, wheels=(LIB, BASE, TORCH)))
    assert result.status == status
    if status == FAIL:
        assert "AVX2" in result.details
        assert result.evidence["packages"] == ["torch"]


def test_a_feature_counts_only_when_every_processor_has_it(intel) -> None:
    intel.write_text("flags : a b\nflags : b c\n")
    assert processor.features() == {"b"}


def test_windows_is_asked_for_each(monkeypatch) -> None:
    asked = SimpleNamespace(kernel32=SimpleNamespace(IsProcessorFeaturePresent=lambda number: number in (38, 40)))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", asked, raising=False)
    assert processor.features() == {"sse4_2", "avx2"}


@pytest.mark.parametrize(
    ("output", "features"),
    [
        ("FPU SSE4.2 AVX1.0\nSMEP AVX2\n", {"fpu", "sse4_2", "avx", "smep", "avx2"}),
        ("", None),
    ],
)
def test_macos_is_asked_by_sysctl(monkeypatch, output, features) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(process, "run", lambda argv, **options: SimpleNamespace(stdout=output))
    assert processor.features() == features


def test_a_system_that_cannot_be_asked_tells_nothing(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(processor, "SYSCTL", ["/nowhere/sysctl"])
    assert processor.features() is None
