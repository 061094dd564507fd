from __future__ import annotations

import shutil
from dataclasses import replace

from shared.programs import uv
from tests.installed import BASE, LIB, make_prefix
from tests.validator.checking import change, look, release_of, site_of
from tests.wheels import Wheel
from validator.check import BUNDLE, ERROR, FAIL, PASS, WARN
from validator.checks.packages.conflicts import Conflicts


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
    assert "timed out" in result.details


def test_what_the_lock_itself_has_is_no_fault_of_the_installation(tmp_path) -> None:
    # as a project's override of what a package asks for leaves it
    asking = replace(LIB, requires=("demo-base>=9",))
    prefix = make_prefix(tmp_path, wheels=(asking, BASE))
    result = look(Conflicts, prefix)
    assert (result.status, result.remedy) == (WARN, BUNDLE)
    assert "demo-base>=9" in result.details
    metadata = next(site_of(prefix).glob("demo_lib-*.dist-info")) / "METADATA"
    change(metadata, metadata.read_bytes() + b"Requires-Dist: other\n")
    assert look(Conflicts, prefix).status == FAIL


def test_a_package_that_requires_the_project_lacks_nothing(tmp_path) -> None:
    asking = replace(LIB, requires=("demo-base>=2", "Demo_App>=1"))
    assert look(Conflicts, make_prefix(tmp_path, wheels=(asking, BASE))).status == PASS
    other = replace(LIB, requires=("demo-app>=1", "demo-other"))
    result = look(Conflicts, make_prefix(tmp_path / "other", wheels=(other, BASE)))
    assert (result.status, len(result.evidence["conflicts"])) == (WARN, 1)
    own = Wheel("demo-app", "0.5", {"own.py": ""})
    assert look(Conflicts, make_prefix(tmp_path / "own", wheels=(asking, BASE, own))).status == WARN
