"""What is run by root, or by an owner whom the modes of files bind."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.processes import process

ROOT = Path(__file__).resolve().parents[1]
# root to whom modes say as much as to anybody else: an owner without root's rights, who may run this Python
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all", "--"]


def answer_of(module: str, folder: Path, *arguments: str, as_root: bool) -> Any:
    """Return the JSON that a module of the tests prints, whose home is its folder; skips where nobody can run it so."""
    argv = [sys.executable, "-m", module, str(folder), *arguments]
    if as_root and os.geteuid() != 0:
        pytest.skip("needs root")
    if not as_root and os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv")
        argv = [*ORDINARY, *argv]
    env = {name: text for name, text in os.environ.items() if not name.startswith(("TINY_", "LD_"))}
    env |= {"PYTHONPATH": str(ROOT), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    ended = process.run(argv, env=env, cwd=ROOT, timeout=120)
    assert ended.ok, ended.stderr
    return json.loads(ended.stdout)
