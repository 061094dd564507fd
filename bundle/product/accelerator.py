"""The accelerator that the packages of a bundle are built for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bundle import strict
from bundle.strict import Value, by
from shared.i18n import _

CPU, CUDA, ROCM, XPU = "cpu", "cuda", "rocm", "xpu"
NAMES = {CPU: "CPU", CUDA: "CUDA", ROCM: "ROCm", XPU: "Intel XPU"}
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}")


def _version_form() -> str:
    return _("not a version such as 12.4")


@dataclass(frozen=True)
class Accelerator(Value):
    """The kind of an accelerator (``cpu``: none) and its toolkit's version, '' if that is unknown.

    With ``required``, as the profile declares, a host without it is refused; else it is warned about.
    """

    kind: str = field(metadata=by(strict.choice, choices=NAMES))
    version: str = field(default="", metadata=by(strict.matching, pattern=_VERSION, form=_version_form, added=True))
    required: bool = field(default=False, metadata=by(strict.boolean, added=True))

    def __str__(self) -> str:
        return f"{NAMES[self.kind]} {self.version}".rstrip()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the version; empty if it is unknown."""
        return tuple(map(int, self.version.split("."))) if self.version else ()
