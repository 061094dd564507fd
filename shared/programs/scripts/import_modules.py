"""Import modules and answer how each went: {name: [seconds, why it failed or null]}.

``names`` is a JSON list, or "-" where that is on standard input. "no-gc": next to nothing of what imports make is
garbage, and looking for it takes a fifth of their time. "at-once" ends without taking modules apart, which takes
seconds with thousands of them.
"""

import gc
import importlib
import json
import os
import sys
import time


def imported(name: str) -> "list[float | str | None]":
    """Import a module; what it raises is its answer, whatever it is."""
    started, reason = time.perf_counter(), None
    try:
        importlib.import_module(name)
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
    return [time.perf_counter() - started, reason]


def main(names: str, *how: str) -> None:
    """Import each of the names."""
    if "no-gc" in how:
        gc.disable()
    answer = {name: imported(name) for name in json.loads(sys.stdin.read() if names == "-" else names)}
    stdout = sys.__stdout__
    assert stdout is not None  # whoever runs this reads it
    stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    stdout.flush()
    if "at-once" in how:
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
