from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.installed import PROBE, make_prefix
from tests.validator.checking import change, look, release_of
from validator.check import ERROR, PASS, SKIP, WARN
from validator.checks.performance import measured
from validator.checks.performance import model as performance_model
from validator.checks.performance.model import ModelTime


def test_loading_and_memory_are_measured(prefix) -> None:
    result = look(ModelTime, prefix)
    assert (result.status, result.check_name) == (PASS, "Model tiny"), result.details
    assert result.performance_metric["tiny.load"]["unit"] == "s"
    assert 0.005 < result.performance_metric["tiny.memory"]["value"] < 2


def test_a_batch_gives_the_rate_of_the_sentences_that_it_has_more(tmp_path, monkeypatch) -> None:
    prefix = make_prefix(tmp_path, probe=replace(PROBE, batch=("demo", "embed")))
    sentences, timed = [], ModelTime.timed

    def on_a_known_machine(check, subject, command):
        assert timed(check, subject, command).seconds > 0
        sentences.append(command.count(PROBE.sentence))
        return SimpleNamespace(seconds=2.0 + 0.5 * sentences[-1], peak=None)

    monkeypatch.setattr(ModelTime, "timed", on_a_known_machine)
    result = look(ModelTime, prefix)
    assert result.status == PASS, result.details
    assert sentences == [1, performance_model.BATCH + 1]
    rate = result.performance_metric["tiny.rate"]
    assert (rate["value"], rate["unit"]) == (2.0, "1/s")


@pytest.mark.parametrize("name", ["model_seconds", "model_memory_gb"])
def test_more_than_the_threshold_is_told(prefix, monkeypatch, name) -> None:
    monkeypatch.setitem(measured.DEFAULTS, name, measured.Bound(1e-6, at_least=False))
    assert look(ModelTime, prefix).status == WARN


def test_a_model_that_does_not_answer_was_not_measured(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"raise SystemExit(3)\n")
    result = look(ModelTime, prefix)
    assert (result.status, "exited with code 3" in result.details) == (ERROR, True)


def test_a_model_that_crashes_was_not_measured(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"import os\nos.kill(os.getpid(), 11)\n")
    assert look(ModelTime, prefix).status == ERROR


def test_without_a_probe_there_is_nothing_to_run(tmp_path) -> None:
    assert look(ModelTime, make_prefix(tmp_path, probe=None)).status == SKIP


def test_a_batch_that_was_no_slower_gives_no_rate(tmp_path, monkeypatch) -> None:
    prefix = make_prefix(tmp_path, probe=replace(PROBE, batch=("demo", "embed")))
    took = iter((2.0, 1.5))
    monkeypatch.setattr(ModelTime, "timed", lambda *_arguments: SimpleNamespace(seconds=next(took), peak=None))
    result = look(ModelTime, prefix)
    assert list(result.performance_metric) == ["tiny.load"]
    assert "sentences per second" not in result.details
