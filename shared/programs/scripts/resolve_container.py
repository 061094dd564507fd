"""Import a container, check that it is complete, and print [its type or null, whether it was checked, error or null].

dependency_injector reports missing dependencies; other kinds of containers can only be checked by a command that the
profile defines.
"""

import importlib
import json
import sys
from typing import Any


def resolved(target: str) -> "list[Any]":
    """Return the answer for ``module:name``; an exception on the way is the reason."""
    module, _colon, name = target.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        reason = "it is None" if found is None else None
        asked = reason is None and hasattr(found, "check_dependencies")
        if asked:
            found.check_dependencies()
        return [type(found).__name__, asked, reason]
    except BaseException as error:
        return [None, False, f"{type(error).__name__}: {error}"]


def main(target: str) -> None:
    """Check the container ``target`` and print the result on a line that starts with ``ragtrace-answer``."""
    answer, stdout = resolved(target), sys.__stdout__
    assert stdout is not None  # the caller reads it
    stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
