"""What a signed reason removes, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.advisories import reasons
from bundle.advisories.exceptions import Exceptions
from bundle.advisories.snapshot import read_snapshot
from installer.advisories import retained_list, stored
from shared.errors import TrustError, UsageError
from tests.advisories import HIGH, below, record
from tests.installer.advisories.conftest import KEY, MADE
from tests.installer.advisories.shrinking.attacker import (
    DAYS,
    EXCEPTION,
    FULL,
    HIT,
    acceptance,
    instead,
    removal,
    upgrade,
    without,
)
from tests.validator.checking import site_of


def test_a_signed_reason_removes_it(lost):
    last = lost.scan().assessment.findings[0].gone.last
    lost.approve(sequence=1, removals=(removal("TEST-8", last),))
    found = lost.scan().assessment
    assert found.status == "PASS"
    ((finding, reason),) = found.removed
    assert (finding.id, reason.approver) == ("TEST-8", "kim")
    assert found.to_json()["removed"][0]["removal"]["statement"] == "it was never vulnerable"


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 5},
        {"package": "other"},
        {"identifier": "TEST-7"},
        {"approved": MADE - 20 * DAYS, "expires": MADE - 10 * DAYS},
    ],
    ids=["of an earlier loss", "another package", "another id", "expired"],
)
def test_a_reason_for_something_else_removes_nothing(lost, changes):
    last = lost.scan().assessment.findings[0].gone.last
    given = {"identifier": "TEST-8", "sequence": last, **changes}
    lost.approve(sequence=1, removals=(removal(given.pop("identifier"), given.pop("sequence"), **given),))
    assert lost.scan().assessment.findings_status == "FAIL"


def test_an_advisory_that_returns_and_is_lost_again_needs_a_new_reason(lost):
    last = lost.scan().assessment.findings[0].gone.last
    lost.approve(sequence=1, removals=(removal("TEST-8", last, package="*"),))
    assert lost.scan().assessment.findings_status == "PASS"
    lost.offer(*FULL)
    assert lost.scan().assessment.findings_status == "FAIL"
    lost.uninstall("later")
    lost.offer(*without("TEST-8"))
    site_of(lost.site.installation.prefix).joinpath("later.gone").rename(
        site_of(lost.site.installation.prefix) / "later-1.0.dist-info"
    )
    assert lost.scan().assessment.findings_status == "FAIL"


def test_an_exception_covers_it_as_before(lost):
    exemption = replace(EXCEPTION, id="CVE-2026-0008", package="later", versions="==1.0")
    lost.approve(sequence=1, exceptions=(exemption,))
    found = lost.scan().assessment
    assert found.findings_status == "PASS"
    assert [finding.id for finding, _one in found.excepted] == ["TEST-8"]


def test_the_key_of_advisories_signs_no_reason(attacker):
    data = Exceptions(1, (), (removal("TEST-8", 2**50),)).to_bytes()
    with pytest.raises(TrustError, match="this kind of document") as refused:
        attacker.adopt(data, KEY, "exceptions")
    assert "Do not use this exceptions file" in refused.value.advice


def test_a_reason_that_names_the_snapshot(attacker):
    data = attacker.snapshot(record("NEW-1", "new", *below("2.0")))
    with pytest.raises(TrustError, match="more than 5%"):
        attacker.adopt(data)
    for wrong in (acceptance(attacker.snapshot(*FULL)), acceptance(data, approved=MADE - 9 * DAYS, expires=MADE)):
        attacker.approve(sequence=attacker.day, snapshots=(wrong,))
        with pytest.raises(TrustError, match="more than 5%"):
            attacker.adopt(data)
        attacker.day += 1
    attacker.approve(sequence=attacker.day, snapshots=(acceptance(data),))
    (warning,) = attacker.adopt(data).warnings
    assert "kim" in warning
    assert attacker.scan().assessment.findings == ()
    assert retained_list.read(*attacker.site).entries == ()


def test_a_reason_for_a_snapshot_that_is_in_force_already(lost):
    data = (stored.folder_of(lost.site.installation.prefix) / "advisories.zip").read_bytes()
    lost.approve(sequence=1, snapshots=(acceptance(data),))
    done = lost.adopt(data)
    assert not done.new
    assert lost.scan().assessment.status == "PASS"


def test_an_acceptance_supersedes_what_the_release_has_too(attacker, monkeypatch):
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL))
    data = attacker.snapshot(record("NEW-1", "new", *below("2.0")))
    attacker.approve(sequence=1, snapshots=(acceptance(data),))
    attacker.adopt(data)
    assert attacker.scan().assessment.findings == ()
    assert attacker.offer(record("NEW-1", "new", *below("2.0"))).new
    assert attacker.scan().assessment.findings == ()


NARROWER = record(
    "TEST-1", "demo-lib", {"introduced": "1.1"}, {"fixed": "1.3"}, vector=HIGH, aliases=("CVE-2026-0001",)
)
WITHDRAWN = {**HIT, "withdrawn": "2026-05-01T00:00:00Z"}


@pytest.mark.parametrize("honest", [NARROWER, {**HIT, "severity": NARROWER["severity"]}], ids=["narrower", "the same"])
def test_a_reason_for_less_does_not_cover_the_loss_of_all(attacker, honest):
    """The approver has seen an honest snapshot; another one, which withdraws the advisory, comes first."""
    seen = read_snapshot(attacker.snapshot(*instead(HIT, honest)))
    said = reasons.said_by("its lower bound was corrected", "kim", MADE, None)
    given = reasons.removals(["TEST-1"], "demo-lib", seen, said)
    attacker.approve(sequence=1, removals=given)
    attacker.offer(*instead(HIT, WITHDRAWN))
    assert "TEST-1" in {one.id for one in attacker.scan().assessment.findings}
    attacker.offer(*instead(HIT, honest))
    (found,) = [one for one in attacker.scan().assessment.findings if one.id == "TEST-1"]
    assert found.gone is None


def test_a_reason_for_less_covers_what_is_no_longer_affected(attacker):
    honest = record("TEST-1", "demo-lib", *below("1.1"), vector=HIGH, aliases=("CVE-2026-0001",))
    data = attacker.snapshot(*instead(HIT, honest))
    said = reasons.said_by("only older ones", "kim", MADE, None)
    attacker.approve(sequence=1, removals=reasons.removals(["TEST-1"], "demo-lib", read_snapshot(data), said))
    attacker.offer(*instead(HIT, WITHDRAWN))
    assert "TEST-1" not in {one.id for one in attacker.scan().assessment.findings}


def test_a_reason_for_every_package_names_none_that_is_left(attacker):
    seen = read_snapshot(attacker.snapshot(*instead(HIT, NARROWER)))
    with pytest.raises(UsageError, match="still lists TEST-1, in demo-lib"):
        reasons.removals(["TEST-1"], "*", seen, reasons.said_by("x", "kim", MADE, None))
