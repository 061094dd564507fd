"""Load the entry points of a distribution and print as JSON why each fails: {"group: name": [error, missing module]}.

Both are null for one that loads. The missing module is named if no installed package has it, as with the packages of
an extra that is not installed; it is sought behind the errors that a package raises instead.
"""

import json
import sys
from importlib.metadata import distribution, distributions
from importlib.util import find_spec
from typing import Any


def absent_behind(error: "BaseException | None") -> "str | None":
    """Return the top-level module, of no installed package, whose absence led to an error, or None."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if isinstance(error, ModuleNotFoundError) and error.name:
            name = error.name.partition(".")[0]
            return None if name in recorded() or find_spec(name) else name
        seen.append(error)
        error = error.__cause__ or error.__context__
    return None


def recorded() -> "set[str]":
    """Return the top-level modules of all installed packages, as their RECORDs have them."""
    files = [file for one in distributions() for file in one.files or ()]
    return {file.parts[0].partition(".")[0] for file in files if file.parts}


def main(name: str) -> None:
    """Load the entry points and print the results on a line that starts with ``ragtrace-answer``."""
    answer: dict[str, Any] = {}
    for point in distribution(name).entry_points:
        key = f"{point.group}: {point.name}"
        try:
            point.load()
        except BaseException as error:  # modules also exit
            answer[key] = [f"{type(error).__name__}: {error}", absent_behind(error)]
        else:
            answer[key] = [None, None]
    stdout = sys.__stdout__
    assert stdout is not None  # the caller reads it
    stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")
    stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
