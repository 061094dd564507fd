from __future__ import annotations

import shutil

from bootstrap import uv
from tests.validator.looking import look, release_of, site_of
from validator.check import ERROR, FAIL, PASS
from validator.checks.packages_conflicts import Conflicts


def test_passes_when_every_requirement_is_met(prefix) -> None:
    assert look(Conflicts, prefix).status == PASS


def test_names_the_requirement_that_is_not_met(prefix) -> None:
    site = site_of(prefix)
    shutil.rmtree(site / "demo_base-2.0.1.dist-info")
    result = look(Conflicts, prefix)
    assert result.status == FAIL
    assert "demo-base" in result.details
    assert len(result.evidence["conflicts"]) == 1


def test_what_could_not_be_asked_is_an_error(prefix) -> None:
    release_of(prefix).python.unlink()
    assert look(Conflicts, prefix).status == ERROR


def test_a_uv_that_hangs_is_an_error(prefix, tmp_path, monkeypatch) -> None:
    hanging = tmp_path / "uv"
    hanging.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(uv, "binary", lambda: hanging)
    result = look(Conflicts, prefix, limit=0.2)
    assert result.status == ERROR
    assert "did not end" in result.details
