from __future__ import annotations

from dataclasses import replace

from tests.installed import PRODUCT, Installation, install_made
from tests.validator.checking import change, look, release_of
from validator.check import PASS, SKIP, WARN
from validator.checks.application.former import PreviousReleases


def test_a_former_release_is_compared_with_its_receipt(prefix) -> None:
    previous = release_of(prefix)
    install_made(prefix, Installation(product=replace(PRODUCT, counter=1_700_000_001)))
    result = look(PreviousReleases, prefix)
    assert (result.status, previous.id in result.details) == (PASS, True)
    previous.app.chmod(0o755)
    change(previous.app / "app.py", b"changed")
    result = look(PreviousReleases, prefix)
    assert (result.status, result.evidence["release"]) == (WARN, previous.id)
    assert "app/app.py" in result.details


def test_without_another_release_it_is_skipped(prefix) -> None:
    assert look(PreviousReleases, prefix).status == SKIP
    assert look(PreviousReleases, None).status == SKIP
