"""Resources that every program needs and this host may lack: memory, threads, modules of the standard library."""

from __future__ import annotations

import sys
import threading

from shared.errors import HostError
from shared.i18n import _

NEEDED_STACK = 256 << 10  # bytes; uv's first thread overflows 64 KiB, but not 128 KiB (uv 0.13.9)
NEEDED_THREADS = 24  # at once: this tool's, uv's workers (limited in shared/programs/uv.py), the application's


def refused(error: BaseException) -> HostError | None:
    """Return the error for a missing resource of this host if an error indicates one, else None.

    CPython has no exception type of its own for a thread that cannot be started or a module that cannot be mapped into
    memory.
    """
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and _is_of_python(error.name or ""):
        return HostError(
            _("The Python interpreter {path} has an incomplete standard library; missing: {names}.").format(
                path=sys.executable, names=error.name
            ),
            advice=_("Install the complete standard library; on Debian and Ubuntu, install the package python3."),
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
    """Return whether a module is in the standard library; False before Python 3.10, which added the list of them."""
    return module.partition(".")[0] in getattr(sys, "stdlib_module_names", ())


def needed_files(wheels: int) -> int:
    """Return the number of files that uv has open at once while it unpacks this many wheels in parallel.

    The lowest limits that worked with uv 0.13.9: 15 for 1 wheel, 22 for 4, 37 for 10, 59 for 20, 108 for 42.
    """
    return 20 + wheels * 5 // 2


def advice() -> str:
    """Return the advice for an exhausted limit."""
    return _("Raise the limit on processes, memory or open files (ulimit, the service, the container).")


def threads_at_once(wanted: int = NEEDED_THREADS) -> int:
    """Return the number of threads that can run now, at most ``wanted``, by starting them."""
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
