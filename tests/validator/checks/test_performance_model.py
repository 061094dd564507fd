from __future__ import annotations

from tests.installed import make_prefix
from tests.validator.looking import change, look, release_of
from validator.check import ERROR, PASS, SKIP
from validator.checks.performance_model import ModelTime


def test_it_is_measured(prefix) -> None:
    result = look(ModelTime, prefix)
    assert result.status == PASS, result.details
    assert result.performance_metric["tiny"]["unit"] == "s"


def test_a_model_that_does_not_answer_was_not_measured(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"raise SystemExit(3)\n")
    assert look(ModelTime, prefix).status == ERROR


def test_without_a_probe_there_is_nothing_to_run(tmp_path) -> None:
    assert look(ModelTime, make_prefix(tmp_path, probe=None)).status == SKIP
