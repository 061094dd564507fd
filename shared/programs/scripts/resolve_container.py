"""Import a container and ask whether it is whole: [its type or null, whether it was asked, what is wrong or null].

dependency_injector reports dependencies that nobody provides; what another builds, a command of the profile tries.
"""

import importlib
import json
import sys
from typing import Any


def resolved(target: str) -> "list[Any]":
    """Return the answer about ``module:name``; what is raised on the way is the reason."""
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
    """Answer in a line of its own."""
    answer, stdout = resolved(target), sys.__stdout__
    assert stdout is not None  # whoever runs this reads it
    stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
