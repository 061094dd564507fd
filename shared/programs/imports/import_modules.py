"""Import modules and print the results as JSON: {name: [seconds, error or null]}.

``names`` is a JSON list. "no-gc" disables garbage collection: imports create next to no garbage, and looking for it
takes a fifth of the time. "at-once" exits without tearing down modules, which takes seconds with thousands of them.
"""

import gc
import importlib
import json
import os
import sys
import time


def imported(name: str) -> "list[float | str | None]":
    """Import a module; return the seconds that it took, and the exception (of any type) as text, or None."""
    started, reason = time.perf_counter(), None
    try:
        importlib.import_module(name)
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
    return [time.perf_counter() - started, reason]


def main(names: str, *how: str) -> None:
    """Import the modules and print the results on a line that starts with ``ragtrace-answer``."""
    if "no-gc" in how:
        gc.disable()
    answer = {name: imported(name) for name in json.loads(names)}
    stdout = sys.__stdout__
    assert stdout is not None  # the caller reads it
    stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    stdout.flush()
    if "at-once" in how:
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
