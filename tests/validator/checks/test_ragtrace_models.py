from __future__ import annotations

from tests.installed import make_prefix
from tests.validator.looking import change, look, release_of
from validator.check import FAIL, PASS, SKIP
from validator.checks.ragtrace_models import Models


def test_passes_on_what_was_shipped(prefix) -> None:
    assert look(Models, prefix).status == PASS


def test_names_missing_and_altered_files(prefix) -> None:
    models = release_of(prefix).models / "tiny"
    change(models / "weights.json", b"[0.5, -0.26]\n")
    (models / "config.json").unlink()
    result = look(Models, prefix)
    assert result.status == FAIL
    assert result.evidence == {"missing": ["tiny/config.json"], "altered": ["tiny/weights.json"]}
    assert "tiny/weights.json" in result.details


def test_no_models_are_skipped(tmp_path) -> None:
    assert look(Models, make_prefix(tmp_path, model={})).status == SKIP
