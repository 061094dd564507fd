"""What is known of a host before anything is written: its platform, Python, C library, processor, clock, processes."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import sysconfig
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundle.strict import time_to_json
from bundle.target import host_glibc, host_target
from shared.i18n import _
from shared.programs.uv import distutils_advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix

CPUINFO = Path("/proc/cpuinfo")
DISTUTILS_UNTIL = (3, 9)  # uv's get_interpreter_info.py uses sysconfig from 3.10 on
AHEAD = timedelta(days=1)  # what a clock may be behind the bundle's date
# x86-64 psABI, table 3.1, in the words of Linux (abm has lzcnt, pni is sse3)
LEVELS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}),
    frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
# IsProcessorFeaturePresent, winnt.h: sse4.2 means level 2, avx2 level 3, avx512f level 4
WINDOWS_FEATURES = (38, 40, 41)


@dataclass(frozen=True)
class Finding:
    """One thing that was inspected: what, whether it fits, what was seen, and what to do when it doesn't.

    ``warns`` marks one that fits and should be known all the same, or that could not be inspected; ``of_admission``
    one that the admission of the bundle judges, which then reports it itself.
    """

    name: str
    fits: bool
    details: str
    advice: str = ""
    warns: bool = False
    of_admission: bool = False

    def to_json(self) -> dict[str, Any]:
        facts = {"name": self.name, "fits": self.fits, "details": self.details}
        return {**facts, "advice": self.advice, "warns": self.warns}


def runtime(manifest: Manifest) -> list[Finding]:
    """Return whether this platform and this Python are those that a manifest is for."""
    return [_platform(manifest), _python(manifest), *_distutils(manifest), *_glibc(manifest), *_processor(manifest)]


def _platform(manifest: Manifest) -> Finding:
    host, target = host_target(), manifest.target
    fits = (host.platform, host.architecture) == (target.platform, target.architecture)
    details = _("this host is {host}, but the bundle is for {target}").format(host=host, target=target)
    return Finding(_("Platform"), fits, details, _("Transfer the bundle that was built for {host}.").format(host=host))


def _python(manifest: Manifest) -> Finding:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    wanted = manifest.target.python
    if manifest.own_python:
        details = _("this is Python {running}; the application uses its own {wanted}").format(
            running=running, wanted=wanted
        )
        return Finding(_("Python"), True, details)
    details = _("this is Python {running}, but the bundle is for {wanted}").format(running=running, wanted=wanted)
    fits = running.rpartition(".")[0] == wanted and not sysconfig.get_config_var("Py_GIL_DISABLED")
    if fits and manifest.python_range:
        first, last = manifest.python_range
        fits = first <= sys.version_info[2] <= last
        details += _(" (patch releases {first} to {last})").format(first=first, last=last)
    advice = _("Run the installer with Python {wanted}, or transfer the bundle for this Python.").format(wanted=wanted)
    return Finding(_("Python"), fits, details, advice)


def _distutils(manifest: Manifest) -> Iterator[Finding]:
    """Return whether uv can make an environment of CPython 3.9, which it asks by distutils where its files go."""
    if manifest.own_python or sys.version_info[:2] > DISTUTILS_UNTIL[:2]:
        return
    found = _has_distutils()
    details = _("the standard library has distutils") if found else _("the standard library lacks distutils")
    yield Finding(_("Standard library"), found, details, distutils_advice())


def _has_distutils() -> bool:
    return bool(importlib.util.find_spec("distutils") and importlib.util.find_spec("distutils.dist"))


def _glibc(manifest: Manifest) -> Iterator[Finding]:
    if manifest.target.platform != "linux" or sys.platform != "linux":
        return
    found, wanted = host_glibc(), manifest.target.glibc
    seen = ".".join(map(str, found)) if found else _("none")
    yield Finding(
        _("C library"),
        found is not None and found >= wanted,
        _("glibc on this host: {seen}; the bundle requires {wanted} or later").format(
            seen=seen, wanted=".".join(map(str, wanted))
        ),
        _("Use a newer system, or request a bundle built for an older glibc."),
    )


def _processor(manifest: Manifest) -> Iterator[Finding]:
    if manifest.target.architecture not in ("x86_64", "amd64"):
        return
    wanted, found = manifest.application.cpu_level, cpu_level()
    advice = _("Use a host with a newer processor, or request a bundle built from wheels for this one.")
    if found is None:
        details = _("could not check; the bundle requires x86-64-v{wanted}").format(wanted=wanted)
        yield Finding(_("Processor"), True, details, advice, warns=wanted > 1)
        return
    details = _("this host has x86-64-v{found}; the bundle requires x86-64-v{wanted}").format(
        found=found, wanted=wanted
    )
    yield Finding(_("Processor"), found >= wanted, details, advice)


def cpu_level() -> int | None:
    """Return the x86-64 level of this processor, 1 to 4, or None where nobody says."""
    if sys.platform == "win32":  # pragma: no cover - only there
        present = [bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(number)) for number in WINDOWS_FEATURES]
        return 1 + (present.index(False) if False in present else len(present))
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    line = next((line for line in lines if line.startswith("flags")), None)
    if line is None:
        return None
    flags = frozenset(line.partition(":")[2].split())
    lacking = [level for level, needed in enumerate(LEVELS) if not needed <= flags]
    return lacking[0] if lacking else len(LEVELS)


def clock(manifest: Manifest) -> Finding:
    """Return whether the host's clock can be right: not more than a day before the bundle's claimed date."""
    now = datetime.now(timezone.utc)
    created = datetime.fromtimestamp(manifest.created_epoch, timezone.utc)
    details = _("this host: {now}; built (claimed): {created}").format(
        now=time_to_json(now), created=time_to_json(created)
    )
    advice = _("Set the clock; if it is correct and you know why the bundle's date is ahead, add --accept-clock.")
    return Finding(_("Clock"), True, details, advice, warns=created > now + AHEAD, of_admission=True)


def processes(prefix: Prefix) -> Iterator[Finding]:
    """Tell which programs run from the installed releases: they change the data while these are copied."""
    if not prefix.releases.is_dir():
        return
    name, advice = _("Processes"), _("Stop the application first: its data is copied while the application is stopped.")
    try:
        running = _running(prefix)
    except Exception as trouble:  # noqa: BLE001 - psutil's errors are of its own kind; this check is optional
        details = _("could not check whether the application is running: {reason}").format(reason=trouble)
        yield Finding(name, True, details, advice, warns=True)
        return
    if not running:
        yield Finding(name, True, _("none is running from {path}").format(path=prefix.root))
        return
    shown = ", ".join(running[:5]) + (" …" if len(running) > 5 else "")
    details = _("the application is running: {names}").format(names=shown)
    yield Finding(name, True, details, advice, warns=True)


def _running(prefix: Prefix) -> list[str]:
    """Return the application's programs. Raises psutil's errors, ImportError where it cannot be imported."""
    from installer.layout import processes as running

    return [running.name_of(process) for process in running.of_application(running.roots_of(prefix))]
