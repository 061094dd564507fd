from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from bundle.product.application import THRESHOLDS
from shared.files import files
from tests.installed import APPLICATION, make_prefix
from validator.check import PASS, PERFORMANCE, WARN, Check
from validator.checks.performance import measured
from validator.checks.performance.measured import Bound, Measured, judged, read_last
from validator.report import read_result
from validator.subject import Subject, subject_of


@pytest.fixture(autouse=True)
def _any_speed() -> None:
    """Leave the thresholds as they are, which the other tests in this folder take away."""


class Speed(Check):
    id = "performance.speed"
    category = PERFORMANCE

    def title(self) -> str:
        return "Speed"

    def run(self, subject):
        yield from ()


def judge(prefix, value: float):
    bounds = {"speed": "disk_read_mb_per_second"}
    metric = {"speed": (value, "MB/s"), "other": (1.0, "s")}
    return judged(Speed(), subject_of(prefix), "measured", Measured(metric, bounds))


def test_the_last_run_stands_beside_the_next(prefix) -> None:
    first, second = judge(prefix, 100), judge(prefix, 90)
    assert "last" not in first.performance_metric["speed"]
    assert second.performance_metric["speed"] == {"value": 90, "unit": "MB/s", "last": 100, "threshold": 20}
    assert second.performance_metric["other"] == {"value": 1.0, "unit": "s", "last": 1.0}
    assert second.details == "measured; in the previous run speed 100 MB/s"
    assert read_result(second.to_json(), "x").performance_metric == second.performance_metric


@pytest.mark.parametrize(
    ("bound", "value", "status"),
    [
        (Bound(20, at_least=True), 20, PASS),
        (Bound(20, at_least=True), 19.9, WARN),
        (Bound(20, at_least=False), 20, PASS),
        (Bound(20, at_least=False), 20.1, WARN),
    ],
)
def test_a_threshold(prefix, monkeypatch, bound, value, status) -> None:
    monkeypatch.setitem(measured.DEFAULTS, "disk_read_mb_per_second", bound)
    result = judge(prefix, value)
    assert result.status == status
    assert bool(result.suggestion) == (status == WARN)


def test_every_threshold_has_a_default() -> None:
    assert tuple(measured.DEFAULTS) == THRESHOLDS


def test_the_profile_sets_its_own(tmp_path) -> None:
    application = replace(APPLICATION, thresholds={"disk_read_mb_per_second": 500.0})
    result = judge(make_prefix(tmp_path, application=application), 100)
    assert result.status == WARN
    assert result.performance_metric["speed"]["threshold"] == 500


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"performance.speed": 3}', b'{"performance.speed": {"speed": "fast"}}', b"{" * 3000, b"\xff"],
)
def test_a_broken_file_counts_as_no_run(prefix, data) -> None:
    (prefix.state / measured.NAME).write_bytes(data)
    assert "last" not in judge(prefix, 100).performance_metric["speed"]
    assert read_last(prefix) == {"performance.speed": {"speed": 100, "other": 1}}


def test_what_cannot_be_kept_is_measured_all_the_same(prefix, monkeypatch) -> None:
    def refuse(*_arguments, **_options):
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(files, "write_atomic", refuse)
    assert judge(prefix, 100).status == PASS


def test_without_an_installation_nothing_is_kept() -> None:
    result = judged(Speed(), Subject(), "measured", Measured({"speed": (1, "MB/s")}, {}))
    assert result.performance_metric == {"speed": {"value": 1, "unit": "MB/s"}}


def test_what_is_kept_is_for_its_owner(prefix) -> None:
    judge(prefix, 100)
    path = prefix.state / measured.NAME
    assert json.loads(path.read_text())["performance.speed"]["speed"] == 100
    assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
