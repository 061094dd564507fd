"""Applications of a few lines, compiled by the product and then run as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

from installer.release import bytecode
from shared.processes import scripts

HEAVY = "import sys\nprint('heavy is loaded')\nclass Frame:\n    rows = 3\nLIMIT = 7\n"


def application(tmp_path, **modules: str):
    """Lay out an application; ``a__b`` is the module ``a/b.py``."""
    app = tmp_path / "app"
    for name, text in {"heavy": HEAVY, **modules}.items():
        path = app.joinpath(*f"{name}.py".split("__"))
        if name.endswith("___init"):
            path = app / name.removesuffix("___init") / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return app


def compiled(app, lazy=("heavy",), **more):
    """Compile an application in an interpreter of its own, as an installation does."""
    request = {"app": str(app), "import_paths": ["."], "persist": [], "lazy": list(lazy), **more}
    argv = [sys.executable, "-I", "-S", "-B", "-c", bytecode.COMPILE, str(bytecode.HOME)]
    ended = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, check=True)
    return json.loads(scripts.answer(ended.stdout) or "")


def said(app, code: str) -> str:
    """Run code with the application on its path, writing no bytecode, and return what it prints."""
    ended = subprocess.run(
        [sys.executable, "-B", "-c", dedent(code)], cwd=app, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return " ".join(ended.stdout.split())


USER = "from heavy import LIMIT\nOWN = 1\ndef work():\n    return LIMIT\n"
