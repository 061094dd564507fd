from __future__ import annotations

import shutil

from tests.validator.checking import look, site_of
from validator.check import FAIL, PASS
from validator.checks.packages.versions import Versions


def test_passes_when_the_lock_is_installed(prefix) -> None:
    assert look(Versions, prefix).status == PASS


def test_names_what_is_wrong_of_each_package(prefix) -> None:
    site = site_of(prefix)
    (site / "demo_base-2.0.1.dist-info").rename(site / "demo_base-2.0.0.dist-info")
    shutil.rmtree(site / "demo_lib-1.2.0.dist-info")
    (site / "stray-1.dist-info").mkdir()
    result = look(Versions, prefix)
    assert result.status == FAIL
    assert "demo-base is 2.0.0, not 2.0.1" in result.details
    assert "demo-lib is not installed" in result.details
    assert "stray is not in the lock" in result.details
    assert result.evidence == {"packages": ["demo-base", "demo-lib", "stray"]}


def test_a_package_that_is_there_twice_fails(prefix) -> None:
    site = site_of(prefix)
    shutil.copytree(site / "demo_base-2.0.1.dist-info", site / "demo_base-1.0.dist-info")
    result = look(Versions, prefix)
    assert result.status == FAIL
    assert "demo-base is installed more than once" in result.details
