"""Which accelerator a selection of wheels is built for, by local versions and package names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bundle.product.accelerator import CPU, CUDA, ROCM, XPU, Accelerator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from builder.lock.locked import LockedWheel

# local versions of PyTorch's indexes and of extensions for them: 2.6.0+cu124, 2.7.4+cu12torch2.6, 2.6.0+rocm6.2.4
_LOCAL = re.compile(r"(?P<cpu>cpu)|cu(?P<cuda>[0-9]{2,3})|rocm(?P<rocm>[0-9]+(\.[0-9]+){0,2})|(?P<xpu>xpu)")
# packages that load the CUDA runtime; nvidia-nccl alone comes with what also runs without it
_RUNTIME = re.compile(r"nvidia-cuda-runtime(-cu[0-9]{2})?")
_CUDA_MAJOR = re.compile(r"cupy-cuda([0-9]{2})x|jax-cuda([0-9]{2})-plugin|nvidia-cudnn-cu([0-9]{2})")
_CUDA_UNKNOWN = frozenset({"onnxruntime-gpu"})
_ORDER = (CPU, XPU, ROCM, CUDA)  # what decides last


def accelerator_of(wheels: Iterable[LockedWheel]) -> Accelerator | None:
    """Return the accelerator that wheels are built for, or None if nothing shows it.

    Wheels for the CPU alone do not contradict others for CUDA; if there are several versions, the latest counts.
    """
    found = [one for wheel in wheels for one in _told(wheel.name, wheel.version)]
    return max(found, key=lambda one: (_ORDER.index(one.kind), one.numbers), default=None)


def _told(name: str, version: str) -> Iterator[Accelerator]:
    public, _plus, local = version.partition("+")
    matched = _LOCAL.match(local)
    if matched and matched["cuda"]:
        yield Accelerator(CUDA, ".".join(filter(None, (matched["cuda"][:2], matched["cuda"][2:]))))
    elif matched and matched["rocm"]:
        yield Accelerator(ROCM, matched["rocm"])
    elif matched:
        yield Accelerator(CPU if matched["cpu"] else XPU)
    major = _CUDA_MAJOR.fullmatch(name)
    if _RUNTIME.fullmatch(name):
        yield Accelerator(CUDA, ".".join(public.split(".")[:2]))
    elif major:
        yield Accelerator(CUDA, next(filter(None, major.groups())))
    elif name in _CUDA_UNKNOWN:
        yield Accelerator(CUDA)
