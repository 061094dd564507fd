"""What a host lacks that no program can do without: memory, threads, modules of Python. No fault of the tool."""

from __future__ import annotations

import sys
import threading

from shared.errors import HostError
from shared.i18n import _

NEEDED_STACK = 256 << 10  # bytes; of 64 KiB uv's first thread overflows, of 128 KiB it does not (uv 0.13.9)
NEEDED_THREADS = 24  # at once: ours, uv's workers (shared/programs/uv.py bounds them), a program of the application's


def refused(error: BaseException) -> HostError | None:
    """Return what a host lacks where an error says so, None for any other error.

    CPython has no type of its own for a thread that cannot be started, nor the loader for a module without memory.
    """
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and _is_of_python(error.name or ""):
        return HostError(
            _("{path} is a Python with an incomplete standard library: {names} missing.").format(
                path=sys.executable, names=error.name
            ),
            advice=_("Install the complete Python; on Debian and Ubuntu that is the package python3."),
        )
    if isinstance(error, MemoryError):
        what = _("This host cannot allocate more memory.")
    elif isinstance(error, RuntimeError) and "start new thread" in text:
        what = _("This host cannot start more threads.")
    elif isinstance(error, ImportError) and ("annot allocate memory" in text or "failed to map segment" in text):
        what = _("A module cannot be loaded: {reason}.").format(reason=text.rstrip("."))
    else:
        return None
    return HostError(what, advice=advice())


def _is_of_python(module: str) -> bool:
    """Return whether a module is of the standard library, as far as this Python says which are (3.10 on)."""
    return module.partition(".")[0] in getattr(sys, "stdlib_module_names", ())


def needed_files(wheels: int) -> int:
    """Return how many files uv has open at once for so many wheels, which it unpacks together.

    Measured with uv 0.13.9 by the lowest limit that works: 15 for 1 wheel, 22 for 4, 37 for 10, 59 for 20, 108 for 42.
    """
    return 20 + wheels * 5 // 2


def advice() -> str:
    """Return what helps where a limit was met."""
    return _("Raise the limit on processes, memory or open files (ulimit, the service, the container).")


def threads_at_once(wanted: int = NEEDED_THREADS) -> int:
    """Return how many threads can be had now, at most those that are wanted: by having them."""
    over, made = threading.Event(), list[threading.Thread]()
    try:
        while len(made) < wanted:
            thread = threading.Thread(target=over.wait, daemon=True)
            thread.start()
            made.append(thread)
    except (RuntimeError, MemoryError):
        pass
    finally:
        over.set()
        for thread in made:
            thread.join()
    return len(made)
