"""Findings that only preflight needs: the platform, this interpreter's standard library, running programs."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle.product.accelerator import CPU
from bundle.target import host_target
from installer.hardware import accelerator
from shared.i18n import _
from shared.programs.uv import distutils_advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix

DISTUTILS_UNTIL = (3, 9)  # uv's get_interpreter_info.py uses sysconfig from 3.10 on


@dataclass(frozen=True)
class HostResult:
    """One finding: its subject, whether the host fits in that respect, the details, and the advice if it does not.

    ``warns`` marks a finding that fits but should be reported, or that could not be checked; ``of_admission`` one that
    the admission of the bundle checks and reports itself.
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


def target(manifest: Manifest) -> HostResult:
    """Return the finding on whether this host has the platform that a manifest is for."""
    host, wanted = host_target(), manifest.target
    fits = (host.platform, host.architecture) == (wanted.platform, wanted.architecture)
    details = _("this host: {host}; the bundle is for {target}").format(host=host, target=wanted)
    return HostResult(
        _("Platform"), fits, details, _("Transfer the bundle that was built for {host}.").format(host=host)
    )


def distutils(manifest: Manifest) -> Iterator[HostResult]:
    """Yield the finding on distutils, which uv queries for paths when it creates a CPython 3.9 environment."""
    if manifest.own_python or sys.version_info[:2] > DISTUTILS_UNTIL[:2]:
        return
    found = _has_distutils()
    details = _("the standard library has distutils") if found else _("the standard library lacks distutils")
    yield HostResult(_("Standard library"), found, details, distutils_advice())


def _has_distutils() -> bool:
    return bool(importlib.util.find_spec("distutils") and importlib.util.find_spec("distutils.dist"))


def accelerators(manifest: Manifest) -> Iterator[HostResult]:
    """Yield the finding on the accelerator of a manifest: only a warning unless the profile requires it."""
    wanted = manifest.application.accelerator
    if wanted is None or wanted.kind == CPU:
        return
    trouble = accelerator.trouble(wanted)
    details = trouble or _("this host has a driver and a device for {accelerator}").format(accelerator=wanted)
    advice = _("Install the driver, use a host with such a device, or request a bundle built for what this host has.")
    yield HostResult(_("Accelerator"), not (trouble and wanted.required), details, advice, warns=bool(trouble))


def processes(prefix: Prefix) -> Iterator[HostResult]:
    """Yield the finding on programs running from the installed releases: they could change the data during a backup."""
    if not prefix.releases.is_dir():
        return
    name, advice = _("Processes"), _("Stop the application first, so that its data does not change while it is copied.")
    try:
        running = _running(prefix)
    except Exception as trouble:  # noqa: BLE001 - psutil has exceptions of its own; this check is optional
        details = _("could not check whether the application is running: {reason}").format(reason=trouble)
        yield HostResult(name, True, details, advice, warns=True)
        return
    if not running:
        yield HostResult(name, True, _("no process is running from {path}").format(path=prefix.root))
        return
    shown = ", ".join(running[:5]) + (" …" if len(running) > 5 else "")
    details = _("the application is running: {names}").format(names=shown)
    yield HostResult(name, True, details, advice, warns=True)


def _running(prefix: Prefix) -> list[str]:
    """Return the names of the application's programs. Raises psutil's errors, ImportError if psutil is unavailable."""
    from installer.layout import processes as running

    return [running.name_of(process) for process in running.of_application(running.roots_of(prefix))]
