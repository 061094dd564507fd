"""The program that compiles what an application imports, on every interpreter that this machine has."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bundle.target import PYTHONS
from shared.processes import scripts
from tests.bootstrap.launch.starts import interpreter

if TYPE_CHECKING:
    from pathlib import Path

TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import for_types\nelse:\n    import chosen\n"
FILES = {
    "first/__init__.py": "from . import near\nfrom first.far import *\nfrom .deep.below import NAME, other\n",
    "first/near.py": TYPES,
    "first/far.py": "class Body:\n    import in_class\ndef later():\n    import in_function\n",
    "first/deep/below/__init__.py": "from ...shallow import x\nNAME = 1\n",
    "first/deep/below/other.py": "import broken, missing\n",
    "first/shallow.py": "import json\nx = 1\n",
    "chosen.py": "import importlib\nimportlib.import_module('unre' + 'lated')\n",
    "in_class.py": "",
    "in_function.py": "",
    "for_types.py": "",
    "broken.py": "def (:\n",
    "rest/__init__.py": "import importlib\nimportlib.import_module('rest.' + 'by_name')\n",
    "rest/by_name.py": "",
    "ended.py": "raise SystemExit(3)\n",
    "unrelated.py": "",
}
COMPILED = {
    *("first", "first.near", "first.far", "first.deep.below", "first.deep.below.other", "first.shallow"),
    *("chosen", "in_class"),
}


@pytest.fixture
def site(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "site-packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "site-packages"


def compiled_by(python: str, site: Path, first: list[str], rest: list[str]) -> set[str]:
    argv = [python, "-c", scripts.text("imports/compile_imports")]
    env = {"PYTHONPATH": str(site)}
    request = json.dumps({"first": first, "rest": rest})
    subprocess.run(argv, input=request, env=env, cwd=site.parent, text=True, check=True, timeout=60)
    found = set()
    for path in site.rglob("*.pyc"):
        folder = path.parent.parent.relative_to(site)
        name = path.name.partition(".")[0]
        found.add(".".join([*folder.parts, *([] if name == "__init__" else [name])]))
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_imports_are_compiled_as_they_would_run_and_nothing_runs(python, site) -> None:
    assert compiled_by(str(interpreter(python)), site, ["first"], []) == COMPILED


def test_modules_that_a_package_loads_by_name_are_found_by_importing_the_rest(site) -> None:
    found = compiled_by(sys.executable, site, ["first"], ["rest", "ended", "chosen"])
    assert found == {*COMPILED, "rest", "rest.by_name", "ended"}


def test_without_core_modules_the_rest_is_imported(site) -> None:
    assert compiled_by(sys.executable, site, [], ["rest", "missing", "broken"]) == {"rest", "rest.by_name"}
