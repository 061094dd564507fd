from __future__ import annotations

from dataclasses import replace

import pytest

from tests.installed import BASE, LIB, PRODUCT, make_prefix
from tests.validator.checking import look
from tests.wheels import Wheel
from validator.check import FAIL, PASS, SKIP
from validator.checks.packages.entry_points import EntryPoints

OWN = Wheel(
    "demo-app",
    PRODUCT.version,
    {
        "own/__init__.py": "def main():\n    pass\n",
        "own/optional.py": "import no_such_module.part\n",
        "own/told.py": "try:\n    import absent\nexcept ImportError:\n    raise RuntimeError('install own[more]')\n",
        "own/broken.py": "import own.gone\n",
        "own/exits.py": "import sys; sys.exit('no licence')\n",
        "own/crash.py": "import os; os._exit(3)\n",
    },
)


def entries(*lines: str) -> str:
    return "[console_scripts]\nown = own:main\n[own.plugins]\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        ((), PASS, "1 entry point loads"),
        (
            ("a = own.optional:x", "b = own.told:x [more]", "c = own:main"),
            PASS,
            "2 entry points load; others need packages that are not in the bundle: absent, no_such_module",
        ),
        (("a = own.broken:x",), FAIL, "own.plugins: a: ModuleNotFoundError: No module named 'own.gone'"),
        (("a = own:gone",), FAIL, "own.plugins: a: AttributeError"),
        (("a = own.exits:x",), FAIL, "own.plugins: a: SystemExit: no licence"),
        (("a = own.crash:x",), FAIL, "exited with code 3"),
    ],
)
def test_the_entry_points_of_the_application_load(tmp_path, lines, status, said) -> None:
    wheel = replace(OWN, entry_points=entries(*lines))
    result = look(EntryPoints, make_prefix(tmp_path, wheels=(LIB, BASE, wheel)))
    assert (result.status, said in result.details) == (status, True), result.details


def test_an_application_without_a_package_of_its_own_is_skipped(prefix) -> None:
    assert look(EntryPoints, prefix).status == SKIP
