"""The key of advisories alone never makes a host say PASS about what a full snapshot hits."""

from __future__ import annotations

from typing import Any

import pytest

from bundle.advisories.retained import entries
from bundle.advisories.snapshot import read_snapshot
from shared.errors import TrustError
from tests.advisories import HIGH, below, record, replaced
from tests.installer.advisories.shrinking.attacker import (
    EXCEPTION,
    FULL,
    FURTHER,
    HIT,
    LATER,
    MANY,
    NOTHING,
    UNSCORED,
    instead,
    without,
)


def test_more_than_honest_exports_lose_is_refused(attacker):
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    with pytest.raises(TrustError, match=r"lacks more than 5% of the earlier advisories \(6 of 10\d\)") as refused:
        attacker.offer(*without(*(f"MANY-{number:03}" for number in range(6))))
    assert "all advisories of 6 packages are missing: many-000, many-001" in refused.value.what
    assert "SHA-256" in refused.value.advice


@pytest.mark.parametrize("records", [(), MANY, (UNSCORED,), (LATER,)], ids=["none", "others", "one", "one package"])
def test_what_hits_an_installed_package_is_not_lost(attacker, records):
    with pytest.raises(TrustError, match=r"apply to installed packages: .*demo-lib 1\.2\.0 .TEST-1"):
        attacker.offer(*(records or (record("NEW-1", "new", *below("2.0")),)))
    assert attacker.scan().snapshot.header.counts["live"] == len(FULL)


LESSENED: dict[str, tuple[dict[str, Any], ...]] = {
    "withdrawn": ({**HIT, "withdrawn": "2026-05-01T00:00:00Z"},),
    "no versions": ({**HIT, "affected": [{"package": {"ecosystem": "PyPI", "name": "demo-lib"}, "versions": ["9"]}]},),
    "narrower": (record("TEST-1", "demo-lib", *below("1.2.0"), vector=HIGH),),
    "narrower from below": (record("TEST-1", "demo-lib", {"introduced": "1.2.1"}, {"fixed": "1.3"}, vector=HIGH),),
    "other bounds": (record("TEST-1", "demo-lib", {"introduced": "0"}, {"fixed": "1.2.0.dev1"}, vector=HIGH),),
    "two ranges with a gap": (
        record("TEST-1", "demo-lib", *below("1.2"), {"introduced": "1.2.0.post1"}, {"fixed": "1.3"}, vector=HIGH),
    ),
    "possible": (record("TEST-1", "demo-lib", *below("1.0"), {"fixed": "1.3"}, vector=HIGH),),
    "undecided": (record("TEST-1", "demo-lib", {"introduced": "0"}, {"fixed": "2018-04-22b"}, vector=HIGH),),
    "no score": (record("TEST-1", "demo-lib", *below("1.3")),),
    "score of nothing": (record("TEST-1", "demo-lib", *below("1.3"), vector=NOTHING),),
    "another id": (record("OTHER-1", "demo-lib", *below("1.3"), vector=NOTHING, aliases=("TEST-1",)),),
    "another package beside it": (
        record("TEST-1", "demo-lib2", *below("1.3"), vector=HIGH),
        record("OTHER-1", "demo-lib", *below("1.3"), vector=NOTHING, aliases=("CVE-2026-0001",)),
    ),
}


@pytest.mark.parametrize("records", LESSENED.values(), ids=LESSENED)
def test_what_is_lessened_goes_on_counting(attacker, records):
    attacker.uninstall("demo_base")
    try:
        attacker.offer(*instead(HIT, *records))
    except TrustError as refused:
        assert "demo-lib" in refused.what  # noqa: PT017
    found = attacker.scan().assessment
    (finding,) = (one for one in found.findings if one.id == "TEST-1")
    assert (finding.package, finding.severity) == ("demo-lib", "high")
    assert found.findings_status == "FAIL"


@pytest.mark.parametrize(
    "records",
    [
        (record("TEST-9", "demo-base", *below("3.0"), vector=NOTHING),),
        (UNSCORED, record("CVE-2026-0009", "demo-base", *below("3.0"), vector=NOTHING)),
        (
            UNSCORED,
            record("CVE-2026-0009", "demo-base", *below("3.0"), vector=NOTHING),
            record("CVE-2026-0009", "demo-base", {"introduced": "99"}, vector=HIGH, aliases=("TEST-9",)),
        ),
        ({**UNSCORED, "withdrawn": "2026-05-01T00:00:00Z"},),
    ],
    ids=["a score of nothing", "a twin with a score of nothing", "and one of other versions", "withdrawn"],
)
def test_what_had_no_score_is_not_made_harmless(attacker, records):
    attacker.uninstall("demo_lib")
    attacker.offer(*instead(UNSCORED, *records[:2]))
    found = attacker.scan().assessment
    assert [(one.id, one.severity) for one in found.findings if one.severity != "none"] == [("TEST-9", "unknown")]
    assert found.findings_status == "WARN"


def test_a_package_that_is_installed_later(attacker):
    """Nothing that hits what is installed is lost: only the memory of it helps later."""
    warned = attacker.offer(*without("TEST-8")).warnings
    assert warned == (
        "all advisories of 1 package are missing: later",
        "1 advisory of earlier snapshots was withdrawn, changed or dropped, but still applies on this host",
    )
    attacker.offer(*without("TEST-8"))  # nor does it vanish with the next one
    attacker.install("later", "1.0")
    (finding,) = (one for one in attacker.scan().assessment.findings if one.package == "later")
    assert finding.gone is not None
    assert finding.gone.described() == f"no longer listed since sequence {finding.gone.since}"
    assert finding.gone.last < finding.gone.since


def test_step_by_step(attacker):
    """Updates that lose less than the limit each."""
    left = list(FULL)
    while len(left) > 25:
        few = len(left) // 20
        lost = [one for one in left if one["id"].startswith("MANY")][:few]
        left = [one for one in left if one not in lost]
        attacker.offer(*left)
    for number in (0, 50, 70):
        attacker.install(f"many_{number:03}", "0.5")
    found = attacker.scan().assessment
    assert {f"many-{number:03}" for number in (0, 50, 70)} <= {one.package for one in found.findings}


@pytest.mark.parametrize(
    "records",
    [
        (UNSCORED, {**FURTHER, "aliases": ["CVE-2026-0002", "CVE-2026-0009"]}),
        (UNSCORED, FURTHER, record("ZZZ-1", "demo-base", *below("9.0"), aliases=("CVE-2026-0002", "CVE-2026-0009"))),
        ({**UNSCORED, "aliases": ["CVE-2026-0009", "TEST-2"]}, FURTHER),
        (record("CVE-2026-0009", "demo-base", *below("3.0"), vector=HIGH, aliases=("TEST-2",)),),
    ],
    ids=["one more alias", "a bridge", "from the other side", "the same under the excepted id"],
)
def test_an_exception_is_not_stretched(attacker, records):
    """An exception for one vulnerability does not cover another one by identifiers that were added."""
    attacker.uninstall("demo_lib")
    attacker.offer(*FULL, FURTHER)
    attacker.approve(sequence=1, exceptions=(EXCEPTION,))
    assert attacker.scan().assessment.findings_status == "FAIL"
    try:
        attacker.offer(*without("TEST-9"), *records)
    except TrustError as refused:
        assert "TEST-2" in refused.what  # noqa: PT017
    found = attacker.scan().assessment
    assert [one.ids[0] for one in found.findings] == ["TEST-2"]
    assert found.findings_status == "FAIL"


def test_a_bridge_that_was_there_for_other_versions(attacker):
    """Advisories that share identifiers through a third one, which then affects more versions."""
    attacker.uninstall("demo_lib")
    bridge = ("CVE-2026-0002", "CVE-2026-0009")
    before = record("ZZZ-1", "demo-base", {"introduced": "7"}, {"fixed": "8"}, aliases=bridge)
    attacker.offer(*FULL, FURTHER, before)
    attacker.approve(sequence=1, exceptions=(EXCEPTION,))
    assert attacker.scan().assessment.findings_status == "FAIL"
    attacker.offer(*FULL, FURTHER, record("ZZZ-1", "demo-base", *below("8"), aliases=bridge))
    found = attacker.scan().assessment
    assert [one.id for one in found.findings] == ["TEST-2"]


@pytest.mark.parametrize("sequence", [2**53, 2**53 - 1, 4_000_000_000])
def test_a_sequence_that_would_shut_out_later_ones(attacker, sequence):
    with pytest.raises(TrustError, match="is far above"):
        attacker.offer(*FULL, sequence=sequence)


def test_the_list_is_full(attacker, monkeypatch):
    monkeypatch.setattr(entries, "ENTRIES_LIMIT", 2)
    attacker.offer(*without("MANY-001"))
    before = attacker.scan().snapshot
    with pytest.raises(TrustError, match="Too many advisories of earlier snapshots"):
        attacker.offer(*without("MANY-001", "MANY-002", "MANY-003"))
    assert attacker.scan().snapshot == before


def test_a_malformed_line_is_refused(attacker):
    data = attacker.snapshot(*FULL)
    index = read_snapshot(data).member("index.jsonl").replace(b'["later",[{', b'["later",[{"odd":1,')
    data = replaced(data, "index.jsonl", index)
    with pytest.raises(TrustError, match="unknown key"):
        attacker.adopt(data)


def test_a_record_that_is_set_aside_is_not_lost(attacker):
    """Its packages are undecided, and what it was goes on counting."""
    attacker.offer(*instead(HIT, {**HIT, "affected": [{**HIT["affected"][0], "ranges": [{"type": 1}]}]}))
    assert attacker.scan().snapshot.header.set_aside
    assert "TEST-1" in {one.id for one in attacker.scan().assessment.findings}


def test_a_future_date_never_passes(attacker):
    data = attacker.snapshot(*without("TEST-8"))
    attacker.day -= 20
    with pytest.raises(TrustError, match="clock says"):
        attacker.adopt(data)
    attacker.adopt(data, accept_clock=True)
    assert attacker.scan().assessment.age == "future"
    assert attacker.scan().assessment.status != "PASS"
