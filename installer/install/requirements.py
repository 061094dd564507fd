"""What a bundle requires of a host, defined once for preflight, which refuses, and validate, which checks later.

A requirement reads a value from this host and checks it against a manifest. Callers can have any other value, such as
that of a release's interpreter, checked by the same rule.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from abc import ABC, abstractmethod
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from bundle.strict import time_to_json
from bundle.target import host_glibc
from installer.hardware import processor
from installer.install.host_results import HostResult
from installer.trust.evidence import AHEAD
from shared.i18n import _
from shared.windows import MACHINE, read_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import Manifest

Seen = TypeVar("Seen")
WINDOWS_PATH, WINDOWS_LONG_PATH = 259, 32_767  # characters: MAX_PATH without its NUL, and a long path
FILE_SYSTEM = r"SYSTEM\CurrentControlSet\Control\FileSystem"
INTEL = ("x86_64", "amd64")
# package → the instructions that its x86-64 wheels are built for, as their projects document
INSTRUCTIONS_OF = {"torch": "avx2", "polars": "avx2", "tensorflow": "avx", "pyarrow": "sse4_2"}


class Requirement(ABC, Generic[Seen]):
    """One requirement on a host."""

    id: ClassVar[str]

    def is_asked(self, manifest: Manifest) -> bool:  # noqa: ARG002 - most apply to every host
        """Return whether a manifest makes this requirement of a host such as this one."""
        return True

    @abstractmethod
    def seen(self) -> Seen:
        """Return this host's value."""

    @abstractmethod
    def judge(self, manifest: Manifest, seen: Seen) -> HostResult:
        """Return the finding on whether a value meets the requirement of a manifest."""

    def here(self, manifest: Manifest) -> Iterator[HostResult]:
        """Yield the finding on this host if a manifest makes this requirement."""
        if self.is_asked(manifest):
            yield self.judge(manifest, self.seen())


class Interpreter(NamedTuple):
    """The properties that a Python interpreter reports about itself."""

    implementation: str
    version: tuple[int, ...]
    is_free_threaded: bool

    @property
    def is_standard(self) -> bool:
        """Whether it is a standard build of CPython, which wheels are built for."""
        return self.implementation == "cpython" and not self.is_free_threaded


class Python(Requirement[Interpreter]):
    """A standard build of CPython, of the minor version and the patch releases that the wheels are built for."""

    id = "python"

    def seen(self) -> Interpreter:
        free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
        return Interpreter(platform.python_implementation().lower(), tuple(sys.version_info[:3]), free_threaded)

    def judge(self, manifest: Manifest, seen: Interpreter) -> HostResult:
        running, wanted = ".".join(map(str, seen.version)), manifest.target.python
        details = _("this is Python {running}; the bundle is for Python {wanted}").format(
            running=running, wanted=wanted
        )
        fits = seen.is_standard and seen.version[:2] == manifest.target.python_tuple
        if fits and manifest.python_range:
            first, last = manifest.python_range
            fits = first <= seen.version[2] <= last
            details += _(" (patch releases {first} to {last})").format(first=first, last=last)
        advice = _("Run the installer with Python {wanted}, or transfer the bundle for this Python version.")
        return HostResult(_("Python"), fits, details, advice.format(wanted=wanted))

    def here(self, manifest: Manifest) -> Iterator[HostResult]:
        """Yield the finding on the running Python, which always fits if the application embeds its own."""
        if not manifest.own_python:
            yield from super().here(manifest)
            return
        details = _("this is Python {running}; the application uses its own {wanted}")
        running = ".".join(map(str, self.seen().version))
        yield HostResult(_("Python"), True, details.format(running=running, wanted=manifest.target.python))


class Glibc(Requirement["tuple[int, int] | None"]):
    """A glibc at least as new as the wheels require; None means another C library."""

    id = "glibc"

    def is_asked(self, manifest: Manifest) -> bool:
        return manifest.target.platform == "linux" and sys.platform == "linux"

    def seen(self) -> tuple[int, int] | None:
        return host_glibc()

    def judge(self, manifest: Manifest, seen: tuple[int, int] | None) -> HostResult:
        wanted = manifest.target.glibc
        return HostResult(
            _("C library"),
            seen is not None and seen >= wanted,
            _("glibc on this host: {seen}; the bundle requires {wanted} or later").format(
                seen=".".join(map(str, seen)) if seen else _("none"), wanted=".".join(map(str, wanted))
            ),
            _("Use a host with a newer operating system, or request a bundle built for an older glibc."),
        )


class ProcessorLevel(Requirement["int | None"]):
    """The x86-64 level that the profile requires; None means that the level is unknown."""

    id = "processor-level"

    def is_asked(self, manifest: Manifest) -> bool:
        return manifest.target.architecture in INTEL

    def seen(self) -> int | None:
        return processor.level()

    def judge(self, manifest: Manifest, seen: int | None) -> HostResult:
        wanted = manifest.application.cpu_level
        advice = _("Use a host with a newer processor, or request a bundle built from wheels that support this one.")
        if seen is None:
            details = _("could not check; the bundle requires x86-64-v{wanted}").format(wanted=wanted)
            return HostResult(_("Processor"), True, details, advice, warns=wanted > 1)
        details = _("this host has x86-64-v{found}; the bundle requires x86-64-v{wanted}")
        return HostResult(_("Processor"), seen >= wanted, details.format(found=seen, wanted=wanted), advice)


class Instructions(Requirement["frozenset[str] | None"]):
    """The instructions that wheels of well-known packages are built for; None means that this host's are unknown."""

    id = "instructions"

    def is_asked(self, manifest: Manifest) -> bool:
        return manifest.target.architecture in INTEL and bool(self.needed(manifest))

    def needed(self, manifest: Manifest) -> dict[str, str]:
        """Return the packages that require an instruction, each with that instruction."""
        names = {package.name for package in manifest.packages}
        return {name: feature for name, feature in INSTRUCTIONS_OF.items() if name in names}

    def lacking(self, manifest: Manifest, seen: frozenset[str] | None) -> list[str]:
        """Return the packages that require an instruction that the processor lacks."""
        needed = self.needed(manifest)
        return sorted(name for name, feature in needed.items() if seen is not None and feature not in seen)

    def seen(self) -> frozenset[str] | None:
        return processor.features()

    def judge(self, manifest: Manifest, seen: frozenset[str] | None) -> HostResult:
        name, needed = _("Processor"), self.needed(manifest)
        advice = _("Use another host, or configure the virtual machine to expose the features of the host's processor.")
        if seen is None:
            details = _("this system does not report which instructions its processor has")
            return HostResult(name, True, details, advice, warns=True)
        lacking = self.lacking(manifest, seen)
        if not lacking:
            return HostResult(name, True, ", ".join(sorted({feature.upper() for feature in needed.values()})), advice)
        details = _("the processor lacks {features}, required by {packages}").format(
            features=", ".join(sorted({needed[package].upper() for package in lacking})), packages=", ".join(lacking)
        )
        return HostResult(name, False, details, advice)


class Clock(Requirement[datetime]):
    """A plausible clock.

    It is behind the bundle's claimed date by no more than the usual difference between correctly set clocks.
    """

    id = "clock"

    def seen(self) -> datetime:
        return datetime.now(timezone.utc)

    def is_behind(self, time: datetime, now: datetime) -> bool:
        """Return whether a clock that shows ``now`` is more than ``AHEAD`` behind ``time``, a moment in the past."""
        return time > now + AHEAD

    def judge(self, manifest: Manifest, seen: datetime) -> HostResult:
        created = datetime.fromtimestamp(manifest.created_epoch, timezone.utc)
        details = _("this host: {now}; built (claimed): {created}").format(
            now=time_to_json(seen), created=time_to_json(created)
        )
        advice = _("Set the clock; if it is correct and you know why the bundle's date is ahead, add --accept-clock.")
        return HostResult(_("Clock"), True, details, advice, warns=self.is_behind(created, seen), of_admission=True)


PYTHON, GLIBC, PROCESSOR_LEVEL, INSTRUCTIONS, CLOCK = Python(), Glibc(), ProcessorLevel(), Instructions(), Clock()
# required of every release, installed or repaired; a repair rebuilds what has run here, so instructions are left out
OF_A_RELEASE: tuple[Requirement[Any], ...] = (PYTHON, GLIBC, PROCESSOR_LEVEL)
REQUIREMENTS: tuple[Requirement[Any], ...] = (*OF_A_RELEASE, INSTRUCTIONS, CLOCK)


def path_limit(folder: Path) -> int:
    """Return the length limit of a path below a folder, in bytes on POSIX and in characters on Windows."""
    if sys.platform == "win32":
        return WINDOWS_LONG_PATH if long_paths_allowed() else WINDOWS_PATH
    return os.pathconf(folder, "PC_PATH_MAX") - 1


def long_paths_allowed() -> bool:
    """Return whether Windows is configured to open long paths."""
    try:
        return bool(read_value(MACHINE, FILE_SYSTEM, "LongPathsEnabled"))
    except OSError:
        return False
