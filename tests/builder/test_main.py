"""``python -m builder`` by a Python without its dependencies: a sentence, not a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.processes import process

ROOT = Path(__file__).resolve().parents[2]


def test_a_python_without_the_dependencies_is_told_what_to_do(tmp_path) -> None:
    bare = [sys.executable, "-I", "-S", "-c"]  # -S: without site-packages
    program = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); runpy.run_module('builder', run_name='__main__')"
    done = process.run([*bare, program], env={}, cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("error: This Python lacks ")
    assert "`make .venv/ready`" in second
