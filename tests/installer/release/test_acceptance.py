from __future__ import annotations

import json
import subprocess
import sys

import pytest

from installer.release import acceptance
from shared.processes import scripts

MODULE = """
import atexit
from pathlib import Path
atexit.register(Path("taken-apart").touch)
print("imported")
"""


@pytest.mark.parametrize("at_once", [True, False])
def test_imports_end_at_once_where_that_is_asked_for_and_answer_all_the_same(tmp_path, at_once) -> None:
    (tmp_path / "lasting.py").write_text(MODULE)
    names = json.dumps(["lasting", "no_such_module"])
    argv = [sys.executable, "-c", acceptance.IMPORT, names, *([acceptance.AT_ONCE] if at_once else [])]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    answer = json.loads(scripts.answer(ended.stdout) or "")
    assert [name for name, (_seconds, reason) in answer.items() if reason] == ["no_such_module"]
    assert (tmp_path / "taken-apart").exists() == (not at_once)
