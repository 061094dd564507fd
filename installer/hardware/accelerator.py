"""Whether this host has the accelerator that a bundle's packages are built for, judged by the driver and the device."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.product.accelerator import CUDA, ROCM, XPU
from installer.release import acceptance
from shared.errors import HostError, ToolError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.product.accelerator import Accelerator

    Numbers = tuple[int, ...]

SMI_TIME_LIMIT = 30.0  # seconds; a driver that is loaded first takes some
SMI = ("/usr/bin/nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi", r"C:\Windows\System32\nvidia-smi.exe")
QUERY = ["--query-gpu=driver_version,compute_cap", "--format=csv,noheader"]
MODULE = Path("/proc/driver/nvidia/version")
DEVICES = {ROCM: Path("/dev/kfd"), XPU: Path("/dev/dri")}
# CUDA's major version → the oldest driver on Linux and Windows, and the oldest compute capability (its release notes)
DRIVERS: Mapping[int, tuple[Numbers, Numbers]] = {
    11: ((450, 80), (452, 39)),
    12: ((525, 60), (527, 41)),
    13: ((580, 65), (580, 0)),
}
OLDEST: Mapping[int, Numbers] = {11: (3, 5), 12: (5, 0), 13: (7, 5)}
# compute capability → the first CUDA that has code for it
FIRST_CUDA: tuple[tuple[Numbers, Numbers], ...] = (((10, 0), (12, 8)), ((9, 0), (11, 8)), ((8, 0), (11, 0)))


@dataclass(frozen=True)
class Nvidia:
    """What the NVIDIA driver reports: its version, and the compute capability of each device, as far as known."""

    driver: str
    capabilities: tuple[Numbers, ...] = ()


def trouble(wanted: Accelerator) -> str:
    """Return why this host cannot use an accelerator that a bundle is built for, or ''."""
    return _nvidia_trouble(wanted, nvidia()) if wanted.kind == CUDA else _device_trouble(wanted)


def _device_trouble(wanted: Accelerator) -> str:
    if DEVICES[wanted.kind].exists():
        return ""
    return _("the bundle is for {accelerator}, but this host has no {device}").format(
        accelerator=wanted, device=DEVICES[wanted.kind]
    )


def _nvidia_trouble(wanted: Accelerator, here: Nvidia | None) -> str:
    """Return what is wrong with the driver and the devices of a host, or ''."""
    if here is None:
        return _("the bundle is for {accelerator}, but this host has no NVIDIA driver").format(accelerator=wanted)
    major = wanted.numbers[0] if wanted.numbers else 0
    least = DRIVERS.get(major, ((), ()))[sys.platform == "win32"]
    if _numbers(here.driver) < least:
        return _("the bundle is for {accelerator}, which needs NVIDIA driver {least}; this host has {driver}").format(
            accelerator=wanted, least=_text(least), driver=here.driver
        )
    if here.capabilities and not any(_fits(wanted.numbers, one) for one in here.capabilities):
        return _(
            "the bundle is for {accelerator}, which has no code for this host's GPU (compute capability {found})"
        ).format(accelerator=wanted, found=", ".join(map(_text, here.capabilities)))
    return ""


def _fits(cuda: Numbers, capability: Numbers) -> bool:
    """Return whether a version of CUDA has code for a compute capability, as far as both are known."""
    if not cuda:
        return True
    first = next((least for known, least in FIRST_CUDA if capability >= known), ())
    latest = cuda if len(cuda) > 1 else (*cuda, 99)  # if only the major version is known, any minor version is possible
    return capability >= OLDEST.get(cuda[0], ()) and latest >= first


def _text(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))


def nvidia() -> Nvidia | None:
    """Return what this host's NVIDIA driver reports, or None if there is none."""
    for program in filter(lambda path: Path(path).is_file(), SMI):
        try:
            ended = process.run([program, *QUERY], env=acceptance.basic_environment(), timeout=SMI_TIME_LIMIT)
        except (ToolError, HostError):
            continue
        rows = re.findall(r"(?m)^([0-9.]+), *([0-9]+\.[0-9]+)", ended.stdout) if ended.ok else []
        if rows:
            return Nvidia(rows[0][0], tuple(_numbers(capability) for _driver, capability in rows))
    try:
        text = MODULE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"Kernel Module.*? ([0-9]+(?:\.[0-9]+)+)", text)
    return Nvidia(found[1]) if found else None


def _numbers(text: str) -> Numbers:
    return tuple(map(int, text.split(".")))
