"""Call the function of an entry point: ``module:name.of.function``."""

import functools
import importlib
import sys
from typing import Any


def main(target: str) -> None:
    """Import the module of an entry point and call the function, which prints its own answer."""
    module, _colon, names = target.partition(":")
    found: Any = importlib.import_module(module)
    functools.reduce(getattr, names.split("."), found)()


if __name__ == "__main__":
    main(sys.argv[1])
