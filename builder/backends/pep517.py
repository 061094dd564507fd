"""Call the hooks of a build backend (PEP 517): a program that the build's own interpreter runs, in the source tree.

Standard library only, for any Python from 3.9. It is given as text, with a JSON object as its argument, and writes its
answer to the file ``answer``: the additional requirements, or the name of the wheel.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def hooks_of(backend: str, backend_path: list[str]) -> Any:
    """Return the object that has the hooks. Raises ImportError if a backend of the tree comes from elsewhere."""
    inner = [os.path.join(os.getcwd(), folder) for folder in backend_path]
    sys.path[:0] = inner
    name, _colon, attributes = backend.partition(":")
    found: Any = importlib.import_module(name)
    file = os.path.realpath(getattr(found, "__file__", None) or "")
    if inner and not any(file.startswith(os.path.realpath(folder) + os.sep) for folder in inner):
        raise ImportError(f"the backend {name} is not in backend-path")
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Return the requirements that the environment lacks, or else build the wheel and return its name."""
    hooks = hooks_of(request["backend"], request["backend_path"])
    if not request["complete"]:
        ask = getattr(hooks, "get_requires_for_build_wheel", None)
        more = [str(item) for item in ask({}) or ()] if ask else []
        if more:
            return {"requires": more}
    return {"wheel": str(hooks.build_wheel(request["out"], {}, None))}


if __name__ == "__main__":
    if sys.path[:1] == [""]:
        sys.path.pop(0)  # the working folder, which is on the path only if backend-path lists it
    asked = json.loads(sys.argv.pop(1))
    answer = main(asked)
    with open(asked["answer"], "w", encoding="utf-8") as file:
        json.dump(answer, file)
