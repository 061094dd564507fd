"""Preflight and validate ask the same of a host: neither leaves a requirement out, and both take its verdict."""

from __future__ import annotations

import platform

import pytest

from bundle.target import host_target
from installer.hardware import processor
from installer.install import preflight, requirements
from installer.install.host_results import HostResult
from installer.install.requirements import PROCESSOR_LEVEL, REQUIREMENTS
from installer.layout.prefix import Prefix
from tests.installed import BASE, LIB, make_prefix
from tests.validator.checking import look, release_of
from tests.wheels import Wheel
from validator.check import FAIL, PASS, WARN, Check
from validator.checks.system.clock import Clock
from validator.checks.system.cpu import Processor
from validator.checks.system.glibc import CLibrary
from validator.checks.system.python import Python

CHECKS: dict[str, type[Check]] = {
    "python": Python,
    "glibc": CLibrary,
    "processor-level": Processor,
    "instructions": Processor,
    "clock": Clock,
}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Prefix:
    return make_prefix(tmp_path_factory.mktemp("host"))


def test_every_requirement_has_a_check() -> None:
    assert [requirement.id for requirement in REQUIREMENTS] == list(CHECKS)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.id)
def test_preflight_and_validate_take_the_same_verdict(prefix, tmp_path, monkeypatch, requirement) -> None:
    manifest, asked = release_of(prefix).manifest(), []

    def refused(_requirement, of, seen) -> HostResult:
        asked.append((of, seen))
        return HostResult("Host", False, "not what was asked for", "Take another.", warns=True)

    monkeypatch.setattr(type(requirement), "is_asked", lambda _requirement, _manifest: True)
    assert look(CHECKS[requirement.id], prefix).status == PASS
    monkeypatch.setattr(type(requirement), "judge", refused)
    findings = [item for item in preflight.preflight(manifest, Prefix(tmp_path / "new")) if item.name == "Host"]
    assert [(finding.fits, finding.details) for finding in findings] == [(False, "not what was asked for")]
    assert look(CHECKS[requirement.id], prefix).status in (FAIL, WARN)
    (before, here), (after, there) = asked
    assert before == after == manifest
    assert type(here) is type(there)


def test_a_processor_below_the_level_of_the_profile_fails_in_both(prefix, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(requirements, "INTEL", (host_target().architecture,))
    monkeypatch.setattr(type(PROCESSOR_LEVEL), "seen", lambda _requirement: 0)
    (finding,) = PROCESSOR_LEVEL.here(release_of(prefix).manifest())
    result = look(Processor, prefix)
    assert (result.status, result.details) == (FAIL, finding.details)
    with pytest.raises(Exception, match="x86-64-v0"):
        preflight.require_ok(preflight.preflight(release_of(prefix).manifest(), Prefix(tmp_path / "new")))


def test_a_package_whose_instructions_are_missing_is_refused_before_and_fails_after(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(requirements, "INTEL", (host_target().architecture,))
    monkeypatch.setattr(processor, "features", lambda: frozenset({"sse2"}))
    monkeypatch.setattr(processor, "level", lambda: 1)
    prefix = make_prefix(tmp_path, wheels=(LIB, BASE, Wheel("torch", "2.0.0", {"torch.py": ""})))
    manifest = release_of(prefix).manifest()
    unfit = [item for item in preflight.preflight(manifest, Prefix(tmp_path / "new")) if not item.fits]
    result = look(Processor, prefix)
    assert [item.details for item in unfit] == [result.details]
    assert (result.status, "AVX2" in result.details) == (FAIL, True)
    assert all(item.fits for item in preflight.runtime(manifest))  # a repair makes what has run here before


def test_this_interpreter_is_what_platform_says() -> None:
    found = requirements.PYTHON.seen()
    assert (found.implementation, ".".join(map(str, found.version))) == (
        platform.python_implementation().lower(),
        platform.python_version().partition("+")[0].partition("rc")[0],
    )
