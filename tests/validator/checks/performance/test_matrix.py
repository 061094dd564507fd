from __future__ import annotations

import pytest

from tests.installed import BASE, LIB, make_prefix
from tests.validator.breaking import NUMPY
from tests.validator.checking import change, look, site_of
from tests.wheels import Wheel
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.performance import matrix as performance_matrix
from validator.checks.performance import measured
from validator.checks.performance.matrix import MatrixProduct


@pytest.fixture
def with_numpy(tmp_path, monkeypatch):
    monkeypatch.setattr(performance_matrix, "SECONDS", 0.01)
    return make_prefix(tmp_path, wheels=(LIB, BASE, Wheel("numpy", "2.0.0", {"numpy.py": NUMPY})))


def test_gives_the_speed_with_its_unit(with_numpy) -> None:
    result = look(MatrixProduct, with_numpy)
    assert result.status == PASS
    assert result.performance_metric["matrix_product"]["unit"] == "GFLOP/s"
    assert result.performance_metric["matrix_product"]["value"] > 0


def test_a_slow_processor_is_told(with_numpy, monkeypatch) -> None:
    monkeypatch.setitem(measured.DEFAULTS, "matrix_gflops", measured.Bound(1e12, at_least=True))
    assert look(MatrixProduct, with_numpy).status == WARN


def test_a_numpy_that_does_not_load_fails(with_numpy) -> None:
    change(site_of(with_numpy) / "numpy.py", b"raise ImportError('libopenblas is missing')\n")
    result = look(MatrixProduct, with_numpy)
    assert result.status == FAIL
    assert "libopenblas is missing" in result.details


def test_a_numpy_that_computes_wrongly_fails(with_numpy) -> None:
    module = site_of(with_numpy) / "numpy.py"
    change(module, module.read_bytes().replace(b"self.value * other.value", b"self.value"))
    result = look(MatrixProduct, with_numpy)
    assert result.status == FAIL
    assert "returns a wrong result" in result.details


def test_without_numpy_it_is_skipped(prefix) -> None:
    assert look(MatrixProduct, prefix).status == SKIP
