from __future__ import annotations

import pytest

from bundle.embedding import embedding_in
from bundle.product.model import Probe
from tests.installed import SENTENCE, make_prefix
from tests.validator.checking import change, look, release_of
from validator.check import FAIL, PASS, SKIP
from validator.checks.application.probe import ModelProbe


def test_the_promised_embedding_passes(prefix) -> None:
    result = look(ModelProbe, prefix)
    assert result.status == PASS
    assert result.check_name == "Response of tiny"


def test_another_embedding_fails(prefix) -> None:
    change(release_of(prefix).models / "tiny" / "weights.json", b"[0.5, -0.26]\n")
    result = look(ModelProbe, prefix)
    assert result.status == FAIL
    assert "differs by 0.05" in result.details


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (b"[0.5]\n", "its dimension is 1, not 2"),
        (b"[]\n", "did not print a list of numbers"),
        (b"?", "exited with code 1"),
    ],
)
def test_an_answer_of_another_shape_fails(prefix, weights, reason) -> None:
    change(release_of(prefix).models / "tiny" / "weights.json", weights)
    result = look(ModelProbe, prefix)
    assert result.status == FAIL
    assert reason in result.details


def test_within_the_tolerance_is_right(tmp_path) -> None:
    probe = Probe(("demo", "embed"), SENTENCE, (2.45, -1.2), 0.06)
    assert look(ModelProbe, make_prefix(tmp_path, probe=probe)).status == PASS


@pytest.mark.parametrize(
    ("weights", "reason"),
    [(b"[0.12, -0.16]\n", None), (b"[0.12]\n", "its dimension is 1, not 2"), (b"[0, 0]\n", "every component is 0"),
     (b"[0.5, -0.25]\n", "its length is 2.8, not 1")],
)  # fmt: skip
def test_where_no_embedding_is_known_its_shape_is(tmp_path, weights, reason) -> None:
    prefix = make_prefix(tmp_path, probe=Probe(("demo", "embed"), SENTENCE, (), 0.001, (), 2, normalised=True))
    change(release_of(prefix).models / "tiny" / "weights.json", weights)
    result = look(ModelProbe, prefix)
    assert result.status == (FAIL if reason else PASS), result.details
    assert (reason or "has no embedding") in result.details


def test_no_probe_is_skipped(tmp_path) -> None:
    assert look(ModelProbe, make_prefix(tmp_path, probe=None)).status == SKIP


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("loading\n[1, 2.5]\n", [1.0, 2.5]),
        ("[\n1,\n2\n]\n", [1.0, 2.0]),
        ("[1, NaN]", None),
        ('["1"]', None),
        ("[true]", None),
        ("{}", None),
        ("[" * 100_000, None),
    ],
)
def test_reads_the_list_in_an_output(output, found) -> None:
    assert embedding_in(output) == found
