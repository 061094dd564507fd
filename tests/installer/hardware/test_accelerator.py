"""Which host can use the accelerator that a bundle is built for, by what its driver reports."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bundle.product.accelerator import Accelerator
from installer.hardware import accelerator
from installer.install import host_results
from installer.install.preflight import require_ok
from shared.errors import HostError
from tests.bundles import make_manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="drivers of Linux")
MODULE = "NVRM version: NVIDIA UNIX {kind}  {version}  Thu Feb 22 01:44:30 UTC 2024\nGCC version:\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch):
    """Return a function that gives this host a driver: its nvidia-smi, if it runs, and its kernel module."""

    def make(smi: str = "", module: str = "", *, ended: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat << END\n{smi}\nEND\nexit {ended}\n")
        program.chmod(0o755)
        (tmp_path / "version").write_text(module)
        monkeypatch.setattr(accelerator, "SMI", (str(tmp_path / "gone"), str(program)) if smi else ())
        monkeypatch.setattr(accelerator, "MODULE", tmp_path / ("version" if module else "none"))
        monkeypatch.setattr(accelerator, "DEVICES", dict.fromkeys(accelerator.DEVICES, tmp_path / "kfd"))

    return make


def finding(kind: str, version: str = "", *, required: bool = False):
    manifest = make_manifest()
    wanted = Accelerator(kind, version, required)
    application = replace(manifest.application, accelerator=wanted)
    return next(host_results.accelerators(replace(manifest, application=application)), None)


def test_a_host_with_driver_and_device_fits(host) -> None:
    host("550.54.14, 8.6\n550.54.14, 7.5")
    found = finding("cuda", "12.4", required=True)
    assert (found.fits, found.warns) == (True, False)
    assert "CUDA 12.4" in found.details


@pytest.mark.parametrize(
    ("smi", "version", "said"),
    [
        ("", "12.4", "but this host has no NVIDIA driver"),
        ("470.82.01, 8.6", "12.4", "CUDA 12.4, which needs NVIDIA driver 525.60; this host has 470.82.01"),
        ("470.82.01, 8.6", "12", "needs NVIDIA driver 525.60"),
        ("580.95.05, 6.1", "13.0", "no code for this host's GPU (compute capability 6.1)"),
        ("580.95.05, 12.0\n580.95.05, 10.0", "12.4", "(compute capability 12.0, 10.0)"),
    ],
)
def test_what_is_missing_is_a_warning_and_a_refusal_where_it_is_required(host, smi, version, said) -> None:
    host(smi)
    found = finding("cuda", version)
    assert (found.fits, found.warns) == (True, True)
    assert said in found.details
    refused = finding("cuda", version, required=True)
    assert not refused.fits
    with pytest.raises(HostError) as caught:
        require_ok([refused])
    assert said in caught.value.what


@pytest.mark.parametrize("version", ["12.8", "12", "", "14.1"])
def test_what_may_fit_is_no_warning(host, version) -> None:
    host("580.95.05, 12.0")
    assert not finding("cuda", version).warns


@pytest.mark.parametrize("kind", ["x86_64 Kernel Module", "Open Kernel Module for x86_64"])
def test_the_kernel_module_tells_where_the_program_does_not(host, kind) -> None:
    host("Failed to initialize NVML", MODULE.format(kind=kind, version="550.54.14"), ended=9)
    assert not finding("cuda", "12.4").warns
    host("", MODULE.format(kind=kind, version="450.51"))
    assert "this host has 450.51" in finding("cuda", "12.4").details


def test_a_bundle_for_the_cpu_asks_nothing(host) -> None:
    host()
    assert finding("cpu") is None


def test_rocm_needs_the_device_of_its_driver(host, tmp_path) -> None:
    host()
    assert "kfd" in finding("rocm", "6.2").details
    (tmp_path / "kfd").write_text("")
    assert not finding("rocm", "6.2").warns
