from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.advisories.assess import Assessment
from bundle.advisories.matcher import POSSIBLE
from bundle.advisories.reports import words
from tests.bundle.advisories.test_exceptions import FINDING, ONE


def assessment(*findings, **more):
    return Assessment("default", findings, (), (), (), "fresh", 1, 9, **more)


@pytest.mark.parametrize(
    ("change", "marks"),
    [
        *(({}, ""), ({"malware": True}, "[malware]"), ({"certainty": POSSIBLE}, "[possible]")),
        *(({"epss": 0.0}, "[EPSS 0.0%]"), ({"epss": 0.0001}, "[EPSS <0.1%]"), ({"epss": 0.91234}, "[EPSS 91.2%]")),
        ({"kev": "2026-05-01", "epss": 1.0}, "[exploited: in KEV since 2026-05-01, EPSS 100.0%]"),
    ],
)
def test_marks(change, marks):
    assert words.marks_of(replace(FINDING, **change)) == marks


def test_fixed():
    several = replace(FINDING, fixed=("2.0", "3.0"))
    assert words.fixed_of(several) == "fixed in 2.0, 3.0"
    assert words.fixed_of(several, 1) == "fixed in 2.0"
    assert words.fixed_of(replace(FINDING, fixed=())) == "no fix known"


def test_what_severities_hide():
    found = assessment(
        replace(FINDING, malware=True, score=None, fixed=()),
        replace(FINDING, kev="2026-05-01", score=None, fixed=()),
        replace(FINDING, certainty=POSSIBLE),
        until_fixed=True,
    )
    assert list(words.summary_lines(found)) == [
        "1 is malware: lib 1.5 (TEST-1)",
        "1 is known to be exploited (CISA KEV): lib 1.5 (TEST-1)",
        "1 of 3 is only possible, because its advisory contradicts itself",
        "1 of 3 has no score",
        "1 without a fixed version is ignored (--ignore-until-fixed): lib 1.5 (TEST-1)",
    ]
    assert list(words.summary_lines(assessment(FINDING))) == []
    assert words.named([FINDING] * 9).endswith(", …")


def test_unused_exceptions():
    other, wide = replace(ONE, id="CVE-2"), replace(ONE, id="CVE-3")
    first = assessment(unused=(ONE, other, wide), futile=((wide, "why"),))
    assert words.unused_everywhere([first]) == (ONE, other)
    assert words.unused_everywhere([first, assessment(unused=(other,))]) == (other,)
    assert words.unused_everywhere([]) == ()
    assert words.unused_line((ONE,)) == "1 exception covers nothing here: CVE-1 lib >=1.0,<2.0"
    assert words.unused_line((ONE,) * 9).endswith(", …")
    assert list(words.futile_lines(first.futile)) == ["The exception for CVE-3 in lib >=1.0,<2.0 has no effect: why."]
